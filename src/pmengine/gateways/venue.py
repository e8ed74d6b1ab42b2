"""What a gateway needs of the exchange behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import attrs

from pmengine.gateways.auth import Door, Limits, OpenDoor
from pmengine.gateways.certificate import Certificate
from pmengine.gateways.page import WebPage
from pmengine.services.depth import DepthFeed
from pmengine.services.events import EventDesk
from pmengine.services.front import Front
from pmengine.services.fronts import Fronts
from pmengine.services.shown_history import ShownHistory
from pmengine.services.user_feed import UserFeed
from pmstore.clock import Clock


@attrs.frozen
class FurtherShard:
    """
    How far the stores are with another shard's log, and what clients were told of it.

    `recovered_number` and `elsewhere_number` are as for the `Venue`.
    """

    history: ShownHistory
    recovered_number: int
    elsewhere_number: Callable[[], int]


@attrs.frozen(kw_only=True)
class RequestsCounted:
    """
    What a gateway answered since it started.

    `within` has by seconds how many requests were answered in no more, the last without bound.
    """

    accepted: int
    requests: int
    within: Mapping[float, int]


@attrs.frozen
class HtmlAnswer:
    """A page with its HTTP status; *policy* says what a browser may do with it (CSP)."""

    status: int
    html: bytes
    policy: str


@attrs.frozen(kw_only=True)
class Venue:
    """
    The running parts that gateways speak to; made by who assembles an exchange.

    Args:
        front: Takes commands and gives their outcomes.
        history: The stores that answer questions, and how far they are.
        depth: The depth of every market, as it changes.
        events: What people read of events, and takes new ones.
        clock: The time now in epoch milliseconds.
        new_id: Makes a new id, unique and growing with time (UUID of version 7).
        readiness: Whether orders are taken, and the reason in words.
        answer_timeout_s: How long a request waits for its outcome, and for stores to catch up.
        recovered_number: The last entry of the log at the start: clients of the life before
            were told of it, so no question is answered before the stores hold it.
        elsewhere_number: The newest entry that clients of other gateways may have been told of.
        heads: The number of the last entry of each shard's log, the first shard's first.
        further: The shards behind the first, which the three names above are about.
        users: What each user has on every shard, as it changes; empty, users are told elsewhere.
        door: Says who asks; unset, AUTH=off.
        limits: How much one user and one address may ask; unset, anything.
        certificate: What is shown to clients; unset, it is spoken to without TLS.
        numbers: What else is worth counting here, by names of metrics.
        status_page: Shows the whole deployment as it is now, and what the gateway answered;
            unset, there is no such page.
        web_page: What `/` shows to browsers; unset, there is nothing.
    """

    front: Front | Fronts
    history: ShownHistory
    depth: DepthFeed
    events: EventDesk
    clock: Clock
    new_id: Callable[[], str]
    readiness: Callable[[], tuple[bool, str]]
    heads: Callable[[], Awaitable[Sequence[int]]]
    answer_timeout_s: float = 5.0
    recovered_number: int = 0
    elsewhere_number: Callable[[], int] = lambda: 0
    further: Sequence[FurtherShard] = ()
    users: Sequence[UserFeed] = ()
    door: Door = attrs.field(factory=OpenDoor)
    limits: Limits = attrs.field(factory=Limits)
    certificate: Certificate | None = None
    numbers: Callable[[], Mapping[str, float]] = dict
    status_page: Callable[[RequestsCounted], Awaitable[HtmlAnswer]] | None = None
    web_page: WebPage | None = None

    @property
    def shards(self) -> int:
        """Over how many engines the events are spread."""
        return 1 + len(self.further)
