"""The files under `deploy/`, and the names that settings have."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

from pmengine.settings import Settings
from pmstore.settings import settings_of

DEPLOY = Path(__file__).parents[2] / "deploy"
ENV_FILES = sorted(DEPLOY.glob(".env.*"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
KNOWN = {one.name for one in settings_of(Settings)}


def outside() -> dict[str, str]:
    """The environment without what it says of an exchange."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in KNOWN and not name.startswith(("PMSTORE_", "ENGINE_"))
    }


def compose() -> dict[str, Any]:
    """The compose file."""
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8")))


def compose_services() -> dict[str, dict[str, Any]]:
    """What of the compose file runs `pmengine`, by name."""
    every = compose()["services"]
    return {name: one for name, one in every.items() if one["image"] == "pmengine"}


def seconds(text: str) -> int:
    """A length such as `15s`, or plain seconds."""
    found = re.fullmatch(r"([0-9]+)s?", text)
    assert found, text
    return int(found[1])
