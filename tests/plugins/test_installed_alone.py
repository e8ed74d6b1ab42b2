"""Each plugin installs alone beside pmstore, is found by its scheme, and keeps its laws there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.plugins.environments import ROOT, Environment, build_wheel

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PLUGINS = [path.parent for path in sorted((ROOT / "plugins").glob("*/pyproject.toml"))]


@pytest.fixture(scope="module")
def pmstore_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheels"))


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_a_plugin_installs_alone_and_keeps_every_law(
    plugin: Path, pmstore_wheel: Path, tmp_path: Path
) -> None:
    scheme = plugin.name.removeprefix("pmstore-")
    wheel = build_wheel(plugin, tmp_path)
    environment = Environment(tmp_path / "environment", [pmstore_wheel, wheel])

    listed = environment.run("pmstore", "plugins", cwd=tmp_path)
    assert listed.returncode == 0, listed.stdout + listed.stderr
    (line,) = [line.split() for line in listed.stdout.splitlines() if line.startswith(scheme)]
    assert line[:4] == [scheme, plugin.name, "0.1.0", "installed"]
    others = {path.name for path in PLUGINS} - {plugin.name}
    assert not [name for name in others if name in listed.stdout], "the plugin stands alone"

    if (plugin / "tests" / "conftest.py").exists():
        # It needs a server; its laws are run by its own tests.
        return
    # The test alone is copied: what it imports comes from the wheel.
    tests = tmp_path / "tests"
    tests.mkdir()
    shutil.copy(plugin / "tests" / "test_conformance.py", tests)
    if (plugin / "tests" / "conftest.py").exists():
        shutil.copy(plugin / "tests" / "conftest.py", tests)
    options = ("-q", "-rs", "-p", "no:cacheprovider", "-W", "ignore::DeprecationWarning")
    # Each keeps trades or a stream; all contracts, and random histories, run in its own tests.
    kept = "(test_trades or test_stream) and not random"
    run = environment.run("pytest", *options, "-k", kept, "tests", cwd=tmp_path)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr
    assert " passed" in run.stdout or "no nats-server" in run.stdout
