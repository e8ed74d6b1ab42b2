"""What the Grafana dashboard asks for: its panels, and the metrics and labels of their queries."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.deploy.files import DEPLOY

FOLDER = DEPLOY / "grafana"
_METRIC = re.compile(r"\b(?:pmengine|pmstore|process)_[a-z_]+\b")
_GROUPED = re.compile(r"\bby \(([^)]*)\)")
_MATCHED = re.compile(r"\{([^}]*)\}")
_SHOWN = re.compile(r"\{\{([^}]*)\}\}")


def dashboard() -> dict[str, Any]:
    """The dashboard as it is in its file."""
    return dict(json.loads((FOLDER / "pmengine.json").read_text(encoding="utf-8")))


def panels() -> list[dict[str, Any]]:
    """Every panel, rows among them."""
    return list(dashboard()["panels"])


def targets() -> list[dict[str, Any]]:
    """Every query, with how its series are named."""
    return [target for panel in panels() for target in panel.get("targets", ())]


def metrics_of(query: str) -> set[str]:
    """The names of the metrics that *query* reads."""
    return set(_METRIC.findall(query))


def labels_of(query: str) -> set[str]:
    """The names of the labels that *query* groups by or asks for."""
    grouped = [name.strip() for part in _GROUPED.findall(query) for name in part.split(",")]
    matched = [
        part.partition("=")[0] for inside in _MATCHED.findall(query) for part in inside.split(",")
    ]
    return {*grouped, *matched}


def shown_by(legend: str) -> set[str]:
    """The labels that the name of a series tells."""
    return set(_SHOWN.findall(legend))
