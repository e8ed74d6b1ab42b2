"""What an operator can see and empty from outside: of memory, nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pmstore.backends.memory.config import MemoryConfig
from pmstore.protocols.diagnosis import Examination, Finding, Level, Role


class MemoryUpkeep:
    """An `Upkeep` of stores that live and end with their process: there is nothing to do."""

    async def contents(self, config: MemoryConfig, /) -> Mapping[str, int]:
        """Nothing: every store that is opened is a new one."""
        return {}

    async def wipe(self, config: MemoryConfig, /) -> None:
        """Nothing to delete."""

    async def prune_trades(self, config: MemoryConfig, before_ms: int, /) -> int:
        """Nothing to delete; answers 0."""
        return 0


async def diagnose(config: MemoryConfig, examination: Examination) -> Sequence[Finding]:
    """Always there; as a truth it warns that all is lost with the process."""
    if examination.role is Role.TRUTH:
        return [
            Finding(
                level=Level.WARNING,
                kind="volatile",
                what="what is kept here is lost when the process ends",
                where="memory://",
                remedy="Right for development; else put a durable truth behind it, as in "
                "'memory:// > sqlite:///orders.db'",
            )
        ]
    return [Finding(level=Level.FINE, kind="reachable", what="always there", where="memory://")]
