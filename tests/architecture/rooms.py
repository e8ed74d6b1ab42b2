"""The floor plan: which room of the house sees which others."""

from __future__ import annotations

from typing import Final

CORE: Final = frozenset({"aiofiles", "attrs", "cattrs", "msgspec", "pluggy"})
"""What a plain install brings."""

OPTIONAL: Final[dict[str, tuple[str, ...]]] = {
    "alembic": ("pmstore.tables", "pmstore.backends.postgres", "pmstore.backends.sqlite"),
    "cryptography": ("pmengine.gateways",),
    "google": ("pmengine.gateways.grpc",),
    "grpc": ("pmengine.gateways.grpc",),
    "hiredis": ("pmstore.backends.redis",),
    "httptools": ("pmengine.gateways.http",),
    "httpx": ("pmengine.client",),
    "hypothesis": ("pmstore.testing",),
    "jwt": ("pmengine.gateways",),
    # What mypyc's code stands on; where nothing is compiled, `matching.arrays` does without.
    "librt": ("pmengine",),
    "mypy_extensions": ("pmengine",),
    "prometheus_client": ("pmstore.layers.metered", "pmengine.services", "pmengine.gateways"),
    "psycopg": ("pmstore.backends.postgres", "pmstore.testing.servers"),
    "pyarrow": ("pmstore.cli",),
    "pytest": ("pmstore.testing",),
    "redis": ("pmstore.backends.redis", "pmstore.testing.servers"),
    "rich": ("pmstore.cli", "pmengine.cli"),
    "sqlalchemy": ("pmstore.tables", "pmstore.backends.postgres", "pmstore.backends.sqlite"),
    "sqlmodel": ("pmstore.tables", "pmstore.backends.postgres", "pmstore.backends.sqlite"),
    "starlette": ("pmengine.gateways", "pmengine.processes"),
    "structlog": (
        "pmengine.services",
        "pmengine.gateways",
        "pmengine.exchange",
        "pmengine.processes",
        "pmengine.cli",
    ),
    "typer": ("pmstore.cli", "pmengine.cli"),
    "uvicorn": ("pmengine.gateways", "pmengine.cli"),
    "uvloop": ("pmengine.cli",),
    "websockets": ("pmengine.client", "pmengine.gateways"),
}
"""Every dependency of an extra, and the rooms that need it."""

_FLOOR: Final = frozenset({"errors", "models", "protocols"})
_BACKEND: Final = _FLOOR | {
    "clock",
    "codec",
    "plugin",
    "queries",
    "state",
    "storage",
    "tables",
    "url",
}

PMSTORE: Final[dict[str, frozenset[str]]] = {
    "errors": frozenset(),
    "clock": frozenset(),
    "decimals": frozenset({"errors", "models"}),
    "url": frozenset({"errors"}),
    "models": frozenset({"errors"}),
    "protocols": frozenset({"errors", "models"}),
    "codec": _FLOOR | {"decimals"},
    "state": _FLOOR,
    "written": _FLOOR | {"codec", "state"},
    "queries": _FLOOR,
    "plugin": _FLOOR | {"clock", "url"},
    "storage": _FLOOR | {"codec"},
    # SQLModel tables and their migrations, for the backends that speak SQL.
    "tables": _FLOOR | {"clock"},
    "layers": _FLOOR | {"clock", "queries", "storage"},
    "settings": frozenset({"errors", "plugin", "url"}),
    "registry": _FLOOR | {"layers", "plugin", "settings", "url"},
    "testing": _FLOOR | {"backends.memory", "storage"},
    # `pmstore verify` runs the kit of `testing`, which needs an extra of its own.
    "cli": _FLOOR
    | {"clock", "codec", "decimals", "plugin", "queries", "registry", "settings"}
    | {"storage", "testing", "url"},
    "__main__": frozenset({"cli"}),
    # The public face of what counts; apart, as it needs an extra.
    "metrics": frozenset({"layers"}),
    "sync": _FLOOR | {"layers", "queries", "registry", "settings", "url"},
    # The public names: everything but what is optional or loaded by name.
    "": _FLOOR | {"clock", "decimals", "layers", "registry", "settings", "state", "url"},
}
"""The rooms of pmstore, and the others that each may import. `backends.*` are below."""


def pmstore_sees(room: str) -> frozenset[str] | None:
    """What *room* may import beside itself; None if it is not in the plan."""
    if room.startswith("backends."):
        return _BACKEND
    if room == "backends":
        return frozenset()
    return PMSTORE.get(room)


PMENGINE: Final[tuple[frozenset[str], ...]] = (
    frozenset({""}),
    # The client needs nothing of the exchange: it is used where there is none.
    frozenset({"client"}),
    frozenset({"commands", "compiled", "facts"}),
    frozenset({"matching", "shards"}),
    frozenset({"entities"}),
    frozenset({"records"}),
    frozenset({"fees", "journal"}),
    frozenset({"admission", "depths", "formatted_journal", "identity", "ledger", "terms"}),
    frozenset({"expiries", "sessions"}),
    frozenset({"orders"}),
    frozenset({"leaving"}),
    frozenset({"listing"}),
    frozenset({"grouping"}),
    frozenset({"ending", "taking"}),
    frozenset({"trading"}),
    frozenset({"cash", "pausing", "picture", "resolution", "sets"}),
    frozenset({"following"}),
    frozenset({"engine"}),
    frozenset({"command_answers", "market_deltas", "user_events"}),
    frozenset({"bookkeeping", "projections"}),
    frozenset({"invariants"}),
    frozenset({"services"}),
    frozenset({"gateways", "replay", "sample"}),
    frozenset({"ids", "settings"}),
    frozenset({"exchange"}),
    frozenset({"assembly"}),
    frozenset({"processes"}),
    frozenset({"cli"}),
)
"""The floors of pmengine: a room imports itself and rooms of the floors before its own."""

PMENGINE_SEES_OF_PMSTORE: Final = frozenset(
    {"", "clock", "codec", "decimals", "errors", "metrics", "queries", "settings", "written"}
)
"""The public face: the names of `pmstore` itself, and these modules."""

PURE: Final = frozenset(
    {
        "pmstore.decimals",
        "pmstore.models",
        "pmstore.codec",
        "pmstore.state",
        "pmstore.written",
        "pmstore.queries",
        "pmengine.commands",
        "pmengine.facts",
        "pmengine.matching",
        "pmengine.shards",
        "pmengine.entities",
        "pmengine.records",
        "pmengine.journal",
        "pmengine.formatted_journal",
        "pmengine.fees",
        "pmengine.admission",
        "pmengine.terms",
        "pmengine.identity",
        "pmengine.ledger",
        "pmengine.expiries",
        "pmengine.sessions",
        "pmengine.orders",
        "pmengine.depths",
        "pmengine.leaving",
        "pmengine.listing",
        "pmengine.grouping",
        "pmengine.ending",
        "pmengine.taking",
        "pmengine.trading",
        "pmengine.cash",
        "pmengine.sets",
        "pmengine.resolution",
        "pmengine.pausing",
        "pmengine.picture",
        "pmengine.following",
        "pmengine.engine",
        "pmengine.bookkeeping",
        "pmengine.command_answers",
        "pmengine.market_deltas",
        "pmengine.projections",
        "pmengine.user_events",
        "pmengine.invariants",
    }
)
"""Rooms without clock, chance, environment, input or output."""

IMPURE_MODULES: Final = frozenset(
    {
        "asyncio",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
        "secrets",
        "shutil",
        "socket",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "uuid",
    }
)
IMPURE_CALLS: Final = frozenset({"input", "open", "print"})
IMPURE_METHODS: Final = frozenset({"now", "today", "utcnow"})

FORBIDDEN_NAMES: Final = frozenset(
    {"base", "common", "core", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
)
