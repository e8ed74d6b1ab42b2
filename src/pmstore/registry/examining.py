"""What the place of a deployment's streams promises of what it took."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pmstore.errors import StoreUnavailable, WriteOutcome
from pmstore.plugin import DIAGNOSIS_TIMEOUT_S, Clock, Examination, system_clock
from pmstore.registry.opening import find_backend
from pmstore.url import Stack, parse_stack

_STREAMS = frozenset({"stream", "lease", "consumers"})


async def stream_durability(
    url: str | Stack,
    /,
    *,
    pins: Mapping[str, str] | None = None,
    clock: Clock = system_clock,
) -> str | None:
    """
    What an append to the streams at *url* survives, in one sentence of its backend.

    None if the backend cannot say.

    Raises:
        SettingsError, PluginError: As for `open_stream`.
        StoreUnavailable: The place could not be examined in time.

    Cost:
        A check-up of the place, a few round trips; it leaves nothing there.
    """
    stack = parse_stack(url) if isinstance(url, str) else url
    backend, config = find_backend(stack.truth, pins=pins)
    if backend.diagnose is None:
        return None
    try:
        async with asyncio.timeout(DIAGNOSIS_TIMEOUT_S):
            findings = await backend.diagnose(config, Examination(contracts=_STREAMS, clock=clock))
    except TimeoutError:
        raise StoreUnavailable(
            f"no end of the check-up within {DIAGNOSIS_TIMEOUT_S:g} s",
            outcome=WriteOutcome.NOT_APPLIED,
        ) from None
    return next((one.what for one in findings if one.kind == "durability"), None)
