"""Real little plugin distributions: modules and metadata in a folder on `sys.path`."""

from __future__ import annotations

from pathlib import Path

GOOD = """
from pmstore.backends.memory import MemoryOrderStore
from pmstore.plugin import Backend, Url, hookimpl
from pmstore.errors import SettingsError

def config(url: Url) -> Url:
    if url.parameters:
        raise SettingsError([f"{{url}}: no parameters"])
    return url

def orders(config: Url) -> MemoryOrderStore:
    store = MemoryOrderStore()
    store.config = config
    return store

@hookimpl
def pmstore_backend() -> Backend:
    contracts = {{"orders": orders}}
    return Backend(name="{name}", schemes={schemes!r}, config=config, contracts=contracts)
"""


def install(
    site: Path, distribution: str, module: str, schemes: tuple[str, ...], code: str
) -> None:
    """
    Put a distribution into the folder *site*, as pip would.

    Each of *schemes* gets an entry point that leads to *module*, whose source is *code*.
    """
    site.mkdir(exist_ok=True)
    (site / f"{module}.py").write_text(code)
    folder = site / f"{distribution.replace('-', '_')}-1.2.3.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2.3\n"
    )
    points = "".join(f"{scheme} = {module}\n" for scheme in schemes)
    (folder / "entry_points.txt").write_text(f"[pmstore.backends]\n{points}")


def good(name: str, *schemes: str) -> str:
    """The source of a plugin that works."""
    return GOOD.format(name=name, schemes=schemes)
