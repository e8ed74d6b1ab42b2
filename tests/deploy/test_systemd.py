"""The units run every service as our commands are, all with the same restraints."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pmengine.processes.catalogue import SERVICES
from pmengine.settings import PREFIXES, Settings
from pmstore.settings import read_settings
from tests.deploy.files import DEPLOY, KNOWN, UNITS, seconds

ENV_FILE = DEPLOY / ".env.distributed"


def _lines(unit: Path) -> list[str]:
    lines = unit.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _values(unit: Path, name: str) -> list[str]:
    return [line.partition("=")[2] for line in _lines(unit) if line.startswith(f"{name}=")]


def _service(unit: Path) -> str:
    return unit.name.removeprefix("pmengine-").removesuffix("@.service")


def test_every_service_has_a_template() -> None:
    assert sorted(_service(unit) for unit in UNITS) == sorted(SERVICES)


@pytest.mark.parametrize("unit", UNITS, ids=_service)
def test_a_unit_runs_its_service_and_gives_it_time_to_stop(unit: Path) -> None:
    [command] = _values(unit, "ExecStart")
    assert shlex.split(command)[1:4] == ["run", _service(unit), "--env"]
    environ = {}
    for assignment in _values(unit, "Environment"):
        name, _, value = assignment.partition("=")
        environ[name] = value.replace("%i", "8080")
    assert set(environ) <= KNOWN
    settings = read_settings(Settings, env_file=ENV_FILE, environ=environ, prefixes=PREFIXES)
    [stop] = _values(unit, "TimeoutStopSec")
    assert seconds(stop) > settings.shutdown_timeout_s
    assert _values(unit, "Restart") == ["always"]


def test_all_are_restrained_alike() -> None:
    own = ("Description=", "ExecStart=", "Environment=")
    shared = {tuple(line for line in _lines(unit) if not line.startswith(own)) for unit in UNITS}
    assert len(shared) == 1
    [lines] = shared
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="} <= set(lines)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "pmengine"
    program.parent.mkdir()
    program.symlink_to(sys.executable)
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text(encoding="utf-8")
        (tmp_path / path.name).write_text(text.replace("/opt/pmengine/bin/pmengine", str(program)))
    instances = [tmp_path / unit.name.replace("@", "@1") for unit in UNITS]
    done = subprocess.run(
        ["systemd-analyze", "verify", *instances, tmp_path / "pmengine.target"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    ours = [line for line in done.stderr.splitlines() if "pmengine" in line]
    assert not ours
