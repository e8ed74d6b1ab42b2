"""The store service of an engine that is not ours: `STORE_FOREIGN=true pmengine run store`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import attrs

from pmengine.processes.deployment import Deployment
from pmengine.services.dead_letters import DEAD_LETTERS
from pmengine.services.foreign_log import ForeignLog, recover_foreign
from pmengine.services.foreign_state import ForeignState
from pmengine.services.log import STORE_STREAM
from pmengine.services.outages import persistently
from pmengine.services.store import StoreService
from pmengine.services.taking import Taker
from pmengine.settings import Settings
from pmstore import SettingsError
from pmstore.clock import system_clock


def require_right_log(settings: Settings, services: Sequence[str]) -> None:
    """
    See that only the store service runs where another engine writes the log.

    Raises:
        SettingsError: Others were to run too: they follow logs of ours alone.
    """
    if settings.store_foreign and list(services) != ["store"]:
        raise SettingsError(
            [
                "STORE_FOREIGN: another engine writes store_stream, and only `pmengine run store` "
                "can follow it, whose /ready says how far it is; take the setting away where this "
                "engine runs"
            ]
        )


@attrs.frozen
class ForeignStore:
    """The service, and what it reads and folds."""

    service: StoreService
    log: ForeignLog
    state: ForeignState

    def numbers(self) -> Mapping[str, float]:
        """What of the stream is not in the snapshots."""
        return {
            "store_dead_letters": self.log.dead_letters,
            "store_passed_over": self.state.passed_over,
        }


async def open_foreign_store(deployment: Deployment, taker: Taker) -> ForeignStore:
    """
    The store service as it goes on from the newest snapshot.

    Raises:
        CannotStart, CorruptData: As `recover_foreign`.
    """
    settings = deployment.settings
    stream, snapshots = await deployment.stream(STORE_STREAM), await deployment.snapshots()
    puts_aside = settings.store_on_bad_entry == "dead_letter"
    letters = await deployment.stream(DEAD_LETTERS) if puts_aside else None
    groups = await deployment.consumers(STORE_STREAM)
    find = partial(recover_foreign, stream, snapshots, id_memory_s=settings.id_memory_s)
    state, place = await persistently(lambda: find(now_ms=system_clock()), "recovery")
    log = ForeignLog(stream, letters, groups.positions)
    service = StoreService(
        log,
        taker,
        state=state,
        place=place,
        interval_s=settings.snapshot_interval_s,
        keep=settings.snapshots_keep,
        consumers=tuple,
        clock=system_clock,
        read_entries_max=settings.store_batch_size,
    )
    return ForeignStore(service, log, state)
