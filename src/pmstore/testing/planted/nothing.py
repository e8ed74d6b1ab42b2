"""A store of every contract that takes everything, keeps nothing and answers emptily."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Self

from pmstore.models.position import START, Position
from pmstore.models.query import Page
from pmstore.models.snapshot import SnapshotInfo
from pmstore.protocols.positioned import Applied
from pmstore.protocols.store import Coverage, Limits
from pmstore.testing.rig import ManualClock, Rig

_NO_INFO: Final = SnapshotInfo(
    name="",
    timestamp=0,
    number=0,
    hash="",
    last_message_id=None,
    input_position=None,
    size_bytes=0,
)


class _Nothing:
    """What every contract has, doing nothing, open or not."""

    limits = Limits()
    coverage = Coverage(newest=1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        return

    async def find(self, *asked: Any) -> Any:
        return Page(())

    async def remove(self, *asked: Any) -> int:
        return 0

    async def apply(self, *asked: Any, **named: Any) -> Applied:
        return Applied.DUPLICATE

    async def position(self, *asked: Any) -> None:
        return None


class NoRecords(_Nothing):
    """Orders, accounts, events and trades that are nowhere."""

    async def save(self, *asked: Any) -> None:
        return

    async def append(self, *asked: Any) -> None:
        return

    async def get(self, *asked: Any) -> dict[Any, Any]:
        return {}


class NoSnapshots(_Nothing):
    """Snapshots that are nowhere."""

    async def save(self, *asked: Any) -> SnapshotInfo:
        return _NO_INFO

    async def load(self) -> None:
        return None

    async def get(self, *asked: Any) -> None:
        return None

    async def list(self) -> list[Any]:
        return []

    async def prune(self, *asked: Any) -> int:
        return 0


class NoStream(_Nothing):
    """A stream that is always empty."""

    async def append(self, *asked: Any, **named: Any) -> Position:
        return START

    async def read(self, *asked: Any) -> list[Any]:
        return []

    async def trim(self, *asked: Any) -> None:
        return

    async def bounds(self) -> None:
        return None

    async def size_bytes(self) -> int:
        return 0


class NoLease(_Nothing):
    """A lease that nobody gets."""

    async def acquire(self, *asked: Any) -> None:
        return None

    async def renew(self, *asked: Any) -> bool:
        return False

    async def release(self, *asked: Any) -> None:
        return


class NoConsumers(_Nothing):
    """Groups that never get anything, and their stream."""

    def __init__(self) -> None:
        self.stream = NoStream()
        self.consumers = self

    async def read(self, *asked: Any) -> list[Any]:
        return []

    async def ack(self, *asked: Any) -> int:
        return 0

    async def reclaim(self, *asked: Any) -> list[Any]:
        return []

    async def positions(self) -> dict[str, Any]:
        return {}

    async def forget(self, *asked: Any) -> None:
        return


async def _crash(store: Any) -> None:
    return


def open_nothing(name: str) -> Any:
    """What another process opens."""
    return globals()[name]()


_STORES: Final[dict[str, Any]] = {
    "order_store": NoRecords,
    "trade_store": NoRecords,
    "account_store": NoRecords,
    "event_store": NoRecords,
    "snapshot_store": NoSnapshots,
    "stream": NoStream,
    "lease": NoLease,
    "consumers": NoConsumers,
}


def nothing_rig(contract: str) -> Rig[Any]:
    """A rig of a store that does nothing, and declares that it does all."""
    store = _STORES[contract]

    def elsewhere(place: Path) -> tuple[str, ...]:
        return (f"{__name__}:open_nothing", store.__name__)

    return Rig(
        open=lambda place: store(),
        durable=True,
        positioned=True,
        clock=ManualClock(),
        tombstone_s=60,
        crash=_crash,
        damage=lambda place, name: None,
        shared=True,
        elsewhere=elsewhere,
        open_through=lambda place, host, port: store(),
        # Nobody listens at the discard port; a store that does nothing would not know.
        server=("127.0.0.1", 9),
        gives_up_s=0.2,
        shrinks=False,
        deadline_s=10,
    )
