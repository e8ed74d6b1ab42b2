"""A backend of pmstore: trades in a DuckDB file."""

import attrs

from pmstore.plugin import Backend, Url, config_from, hookimpl
from pmstore_duckdb.config import DuckConfig
from pmstore_duckdb.diagnosis import diagnose
from pmstore_duckdb.trade_store import DuckTradeStore
from pmstore_duckdb.upkeep import DuckUpkeep

__all__ = ["DuckConfig", "DuckTradeStore", "pmstore_backend"]


@hookimpl
def pmstore_backend() -> Backend:
    """Describe the backend: all trades, in one file that one process writes."""
    return Backend(
        name="duckdb",
        schemes=("duckdb",),
        config=lambda url: config_from(DuckConfig, url),
        contracts={"trades": _trades},
        shared=False,
        diagnose=diagnose,
        upkeep=DuckUpkeep(),
        scratch=_scratch,
    )


def _trades(config: DuckConfig) -> DuckTradeStore:
    return DuckTradeStore(config.path)


def _scratch(url: Url, name: str) -> Url:
    return attrs.evolve(url, path=f"{url.path}.{name}")
