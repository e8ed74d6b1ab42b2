"""The page `/status`: what `pmengine status` knows, for browsers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import attrs

from pmengine.gateways.venue import HtmlAnswer, RequestsCounted
from pmengine.processes.status_html import POLICY, Look, page_of, trouble_page
from pmengine.processes.survey import Seen, survey
from pmengine.services.log import Log
from pmengine.services.store_metrics import layers_counted
from pmengine.settings import Settings
from pmstore import PmstoreError
from pmstore.clock import Clock

_Look = Callable[[Settings, Clock], Awaitable[Sequence[Seen]]]

LOOK_S_MIN: Final = 1.0
SHARE_MAX: Final = 0.1
"""Of the time that looking may take: every process of the deployment is asked."""


def look_beside(log: Log | None = None) -> _Look:
    """
    Looks that leave the process its time: decoding snapshots would hold everybody up.

    Args:
        log: As for `survey`.
    """
    return partial(survey, with_snapshots=False, log=log)


class StatusPage:
    """
    Looks at the deployment when somebody asks, for all who ask at about that time.

    A look is kept for a second, and for ten times as long as it took.

    Args:
        settings: Of the deployment.
        look: Looks at it.
        now_s: Seconds that only grow.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        look: _Look,
        *,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._look = look
        self._now_s = now_s
        self._looking = asyncio.Lock()
        self._last: Look | None = None
        self._answer: HtmlAnswer | None = None
        self._fresh_until_s = 0.0

    def listens_at(self, url: str) -> None:
        """An exchange of one process answers here, whatever port it was told."""
        self._settings = attrs.evolve(self._settings, port=urlsplit(url).port or 0)

    async def answer(self, counted: RequestsCounted) -> HtmlAnswer:
        """The page as it is now; of status 503 if the streams cannot be read."""
        async with self._looking:
            if self._answer is None or self._now_s() >= self._fresh_until_s:
                began_s = self._now_s()
                self._answer = await self._seen(counted)
                took_s = self._now_s() - began_s
                self._fresh_until_s = self._now_s() + max(LOOK_S_MIN, took_s / SHARE_MAX)
            return self._answer

    async def _seen(self, counted: RequestsCounted) -> HtmlAnswer:
        try:
            seen = await self._look(self._settings, self._clock)
        except PmstoreError as error:
            self._last = None
            return HtmlAnswer(503, trouble_page(str(error), self._clock()), POLICY)
        look = Look(seen=seen, time_ms=self._clock(), at_s=self._now_s(), counted=counted)
        html = page_of(look, self._last, layers_counted())
        self._last = look
        return HtmlAnswer(200, html, POLICY)
