"""Plugins are found by scheme, loaded when asked for, and harm nobody when broken."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import uuid4

import pytest

from pmstore import BrokenPlugin, ClashingPlugins, UnknownScheme
from pmstore.plugin import Backend
from pmstore.registry import Plugins, PluginState
from tests.registry.distributions import good, install


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.fixture
def module() -> str:
    """A name for a module that no other test has imported."""
    return f"plugin_{uuid4().hex}"


def test_our_own_backends_come_by_entry_points() -> None:
    assert {"memory", "file"} <= set(Plugins().schemes())
    assert Plugins().find("memory").name == "memory"


def test_a_plugin_of_another_distribution_is_found_by_its_scheme(site: Path, module: str) -> None:
    install(site, "acme-pmstore", module, ("acme",), good("acme", "acme"))
    backend = Plugins().find("acme")
    assert backend.name == "acme"
    assert list(backend.contracts) == ["orders"]


def test_only_the_plugin_that_was_asked_for_is_imported(site: Path, module: str) -> None:
    install(site, "acme-pmstore", module, ("acme",), good("acme", "acme"))
    install(site, "other-pmstore", f"{module}_other", ("other",), good("other", "other"))
    plugins = Plugins()
    assert {"acme", "other"} <= set(plugins.schemes())
    assert module not in sys.modules
    plugins.find("acme")
    assert module in sys.modules
    assert f"{module}_other" not in sys.modules


def test_a_plugin_is_loaded_once(site: Path, module: str) -> None:
    install(site, "acme-pmstore", module, ("acme",), good("acme", "acme"))
    plugins = Plugins()
    assert plugins.find("acme") is plugins.find("acme")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module_anywhere\n", "ModuleNotFoundError: No module named 'no_such_"),
        ("raise RuntimeError('half installed')\n", "RuntimeError: half installed"),
        ("import sys\nsys.exit('no licence')\n", "SystemExit: no licence"),
        ("x = (\n", "SyntaxError"),
        ("x = 1\n", "has no hook pmstore_backend marked with @hookimpl"),
        (good("acme", "other"), "does not serve that scheme"),
        (good("acme").replace("schemes=()", "schemes=()"), "it serves no scheme"),
        (good("acme", "acme").replace('"orders":', '"order":'), "Did you mean orders?"),
        (
            "from pmstore.plugin import hookimpl\n@hookimpl\ndef pmstore_backend(): return 3\n",
            "answered int, not a Backend",
        ),
        (
            "from pmstore.plugin import hookimpl\n@hookimpl\ndef pmstore_backend(url): return 3\n",
            "PluginValidationError",
        ),
        (
            "from pmstore.plugin import hookimpl\n@hookimpl\ndef pmstore_backend(): 1 / 0\n",
            "ZeroDivisionError",
        ),
    ],
)
def test_a_broken_plugin_says_why_and_harms_nobody(
    site: Path, module: str, code: str, reason: str
) -> None:
    install(site, "acme-pmstore", module, ("acme",), code)
    plugins = Plugins()
    with pytest.raises(BrokenPlugin) as caught:
        plugins.find("acme")
    assert reason in str(caught.value)
    assert "acme-pmstore" in str(caught.value)
    assert plugins.find("memory").name == "memory"


def test_a_plugin_that_was_repaired_loads_without_a_restart(site: Path, module: str) -> None:
    install(site, "acme-pmstore", module, ("acme",), "raise RuntimeError('broken')\n")
    plugins = Plugins()
    with pytest.raises(BrokenPlugin):
        plugins.find("acme")
    (site / f"{module}.py").write_text(good("acme", "acme") + "# repaired\n")
    assert plugins.find("acme").name == "acme"


def test_malformed_metadata_of_a_neighbour_harms_nobody(site: Path, module: str) -> None:
    install(site, "bad-metadata", f"{module}_bad", ("bad",), "")
    (site / "bad_metadata-1.2.3.dist-info" / "entry_points.txt").write_text(
        "[pmstore.backends]\nthis is no entry point\n"
    )
    (site / "empty-1.dist-info").mkdir()
    install(site, "acme-pmstore", module, ("acme",), good("acme", "acme"))
    assert Plugins().find("acme").name == "acme"


def test_an_unknown_scheme_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(UnknownScheme, match=r"no installed plugin serves memry://.*mean memory\?"):
        Plugins().find("memry")


def test_a_backend_of_ours_without_its_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith("pmstore.backends.redis")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hiredis", None)
    with pytest.raises(BrokenPlugin, match=r"pip install 'pmstore\[redis\]'"):
        Plugins().find("redis+cluster")


def test_two_distributions_for_a_scheme_clash_until_one_is_pinned(site: Path, module: str) -> None:
    install(site, "acme-pmstore", module, ("acme",), good("from acme", "acme"))
    install(site, "rival-pmstore", f"{module}_rival", ("acme",), good("from rival", "acme"))
    plugins = Plugins()
    with pytest.raises(ClashingPlugins) as caught:
        plugins.find("acme")
    for part in ("acme-pmstore", "rival-pmstore", "PMSTORE_PIN_ACME"):
        assert part in str(caught.value)
    assert module not in sys.modules
    assert plugins.find("acme", pins={"acme": "rival-pmstore"}).name == "from rival"
    assert plugins.find("acme", pins={"acme": "Acme_PMStore"}).name == "from acme"


def test_a_pin_to_what_does_not_serve_the_scheme_is_refused() -> None:
    with pytest.raises(UnknownScheme, match="pinned to nobody .*installed for memory: pmstore"):
        Plugins().find("memory", pins={"memory": "nobody"})


def test_the_same_distribution_twice_on_the_path_is_no_clash(
    site: Path, tmp_path: Path, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(site, "acme-pmstore", module, ("acme",), good("first", "acme"))
    later = tmp_path / "later"
    install(later, "acme-pmstore", f"{module}_later", ("acme",), good("second", "acme"))
    monkeypatch.setattr(sys, "path", [*sys.path, str(later)])
    assert Plugins().find("acme").name == "first"


def _backend(name: str) -> Backend:
    return Backend(name=name, schemes=("own",), config=lambda url: url, contracts={})


def test_a_registered_backend_needs_no_entry_point() -> None:
    plugins, backend = Plugins(), _backend("mine")
    plugins.register(backend)
    plugins.register(backend)
    assert plugins.find("own") is backend
    assert "own" in plugins.schemes()


def test_registered_backends_clash_as_distributions_do() -> None:
    plugins, mine, yours = Plugins(), _backend("mine"), _backend("yours")
    plugins.register(mine)
    plugins.register(yours)
    with pytest.raises(ClashingPlugins, match="mine and yours"):
        plugins.find("own")
    assert plugins.find("own", pins={"own": "yours"}) is yours


def test_registering_what_is_no_backend_is_refused() -> None:
    with pytest.raises(BrokenPlugin, match="it serves no scheme"):
        Plugins().register(Backend(name="x", schemes=(), config=lambda url: url, contracts={}))


def test_the_survey_shows_good_broken_and_clashing_ones(site: Path, module: str) -> None:
    install(site, "acme-pmstore", module, ("acme",), good("from acme", "acme"))
    install(site, "rival-pmstore", f"{module}_rival", ("acme",), good("from rival", "acme"))
    install(site, "broken-pmstore", f"{module}_broken", ("broken",), "import no_such_module\n")
    install(site, "good-pmstore", f"{module}_good", ("good",), good("good", "good"))
    found = {(one.scheme, one.distribution): one for one in Plugins().survey()}
    assert found["good", "good-pmstore"].state is PluginState.INSTALLED
    assert found["good", "good-pmstore"].version == "1.2.3"
    broken = found["broken", "broken-pmstore"]
    assert broken.state is PluginState.BROKEN
    assert "ModuleNotFoundError: No module named 'no_such_module'" in str(broken.problem)
    for name in ("acme-pmstore", "rival-pmstore"):
        assert found["acme", name].state is PluginState.CLASHING
        assert "PMSTORE_PIN_ACME" in str(found["acme", name].problem)
    pinned = {
        (one.scheme, one.distribution): one
        for one in Plugins().survey(pins={"acme": "acme-pmstore"})
    }
    assert pinned["acme", "acme-pmstore"].problem is None
    assert "not used" in str(pinned["acme", "rival-pmstore"].problem)
