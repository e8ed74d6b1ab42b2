"""What people may be shown of an event: each text of a request as it is kept, or why not; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import attrs

from pmengine.commands import NewMarket
from pmengine.services.events.requests import EventCreate
from pmstore import FEE_PPM_MAX, INTEGER_MAX, PAYOUT

TITLE_CHARS_MAX: Final = 200
SLUG_CHARS_MAX: Final = 100
DESCRIPTION_CHARS_MAX: Final = 4_000
IMAGE_URL_CHARS_MAX: Final = 2_048
NAME_CHARS_MAX: Final = 100
OUTCOME_CHARS_MAX: Final = 255
MARKETS_MAX: Final = 500

SLUG_PATTERN: Final = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SLUG: Final = re.compile(SLUG_PATTERN)
_TOKEN: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_URL: Final = re.compile(r"[A-Za-z0-9._~!$&()*+,;=:@%/?#\[\]-]+")
_HOST: Final = re.compile(r"[a-z0-9.-]+|\[[0-9a-f:.]+\]")
# Texts with these can be made to look like others, or break lines where none should.
_UNSEEN: Final = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_TURNING: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


@attrs.frozen(kw_only=True)
class Declined:
    """Why a request changes nothing; `field` is to blame, if one is."""

    code: str
    detail: str
    field: str | None = None


class _Wrong(Exception):
    def __init__(self, code: str, detail: str, field: str) -> None:
        self.declined = Declined(code=code, detail=detail, field=field)


@attrs.frozen(kw_only=True)
class Texts:
    """A request as it would be kept."""

    title: str
    slug: str
    description: str
    topic: str
    image_url: str | None
    end_ms: int | None
    end_date: str | None
    exclusive: bool
    markets: Mapping[int, NewMarket]


def read_texts(asked: EventCreate) -> Texts | Declined:
    """*asked* with every text in its one form, or the first thing that is wrong with it."""
    try:
        title = _line(asked.title, "title", TITLE_CHARS_MAX, "INVALID_TITLE")
        end_ms, end_date = _end(asked.end_date)
        return Texts(
            title=title,
            slug=_slug(asked.slug, title, asked.event_id),
            description=_paragraphs(asked.description),
            topic=asked.topic,
            image_url=_image_url(asked.image_url),
            end_ms=end_ms,
            end_date=end_date,
            exclusive=asked.exclusive,
            markets=_markets(asked.event_id, asked.markets),
        )
    except _Wrong as wrong:
        return wrong.declined


def read_topic(topic: str, name: str) -> tuple[str, str] | Declined:
    """A topic's id and name in their one form, or what is wrong with them."""
    try:
        if len(topic) > SLUG_CHARS_MAX or _SLUG.fullmatch(topic) is None:
            raise _Wrong("INVALID_TOPIC", f"topic is {_shown(topic)}; it takes {_SLUGS}", "topic")
        return topic, _line(name, "name", NAME_CHARS_MAX, "INVALID_TOPIC")
    except _Wrong as wrong:
        return wrong.declined


_SLUGS: Final = f"1..{SLUG_CHARS_MAX} of a-z 0-9, words joined by single -"


def _line(text: str, field: str, chars_max: int, code: str) -> str:
    line = unicodedata.normalize("NFC", text).strip()
    if not 0 < len(line) <= chars_max:
        raise _Wrong(code, f"{field} has {len(line)} characters; it takes 1..{chars_max}", field)
    _check_seen(line, field, code)
    return line


def _paragraphs(text: str) -> str:
    joined = text.replace("\r\n", "\n").replace("\r", "\n")
    paragraphs = unicodedata.normalize("NFC", joined).strip()
    field, code = "description", "INVALID_DESCRIPTION"
    if len(paragraphs) > DESCRIPTION_CHARS_MAX:
        said = f"{len(paragraphs)} characters; it takes {DESCRIPTION_CHARS_MAX} at most"
        raise _Wrong(code, f"description has {said}", field)
    _check_seen(paragraphs.replace("\n", "").replace("\t", ""), field, code)
    return paragraphs


def _check_seen(text: str, field: str, code: str) -> None:
    for character in text:
        if unicodedata.category(character) in _UNSEEN or character in _TURNING:
            said = f"{field} has the character U+{ord(character):04X}, which nobody can read"
            raise _Wrong(code, f"{said}; leave it out", field)


def _slug(given: str | None, title: str, event_id: int | None) -> str:
    if given is not None:
        if len(given) > SLUG_CHARS_MAX or _SLUG.fullmatch(given) is None:
            raise _Wrong("INVALID_SLUG", f"slug is {_shown(given)}; it takes {_SLUGS}", "slug")
        return given
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", "-", plain)[:SLUG_CHARS_MAX].strip("-")
    if made:
        return made
    if event_id is None:
        raise _Wrong("INVALID_SLUG", "no slug can be made of this title; give one", "slug")
    return f"event-{event_id}"


def _image_url(given: str | None) -> str | None:
    """An address that a page can show without giving anybody anything but the request."""
    if given is None:
        return None
    code, field = "INVALID_IMAGE", "image_url"
    if len(given) > IMAGE_URL_CHARS_MAX or _URL.fullmatch(given) is None:
        said = f"1..{IMAGE_URL_CHARS_MAX} characters of an https address or a path"
        raise _Wrong(code, f"image_url is {_shown(given)}; it takes {said}", field)
    if given.startswith("/") and not given.startswith("//"):
        return given
    try:
        parts = urlsplit(given)
        is_right = parts.scheme == "https" and parts.port != 0 and _is_host(parts.netloc)
    except ValueError:
        is_right = False
    if not is_right:
        said = "https://… without a user in it, or a path that begins with one /"
        raise _Wrong(code, f"image_url is {_shown(given)}; it takes {said}", field)
    return given


def _is_host(netloc: str) -> bool:
    """Whether it is a host with or without a port, and no user."""
    return _HOST.fullmatch(re.sub(r":[0-9]+$", "", netloc.lower())) is not None


def _end(text: str | None) -> tuple[int | None, str | None]:
    if text is None:
        return None, None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
    except ValueError:
        said = 'send RFC 3339 such as "2030-01-01T00:00:00Z"'
        raise _Wrong("INVALID_EXPIRY", f"end_date is {_shown(text)}; {said}", "end_date") from None
    return (moment - _EPOCH) // timedelta(milliseconds=1), text


def _markets(event_id: int | None, markets: Mapping[int, NewMarket]) -> Mapping[int, NewMarket]:
    code = "INVALID_MARKETS"
    if event_id is not None and not 0 < event_id <= INTEGER_MAX:
        raise _Wrong("INVALID_ID", f"event_id is {event_id}; it takes 1..{INTEGER_MAX}", "event_id")
    if not 0 < len(markets) <= MARKETS_MAX:
        said = f"there are {len(markets)} markets; an event has 1..{MARKETS_MAX}"
        raise _Wrong(code, said, "markets")
    tokens: set[str] = set()
    read: dict[int, NewMarket] = {}
    for market_id, market in sorted(markets.items()):
        field = f"markets.{market_id}"
        if not 0 < market_id <= INTEGER_MAX:
            raise _Wrong(code, f"market id {market_id}; it takes 1..{INTEGER_MAX}", "markets")
        if market.id not in (None, market_id):
            raise _Wrong(code, f"{field}.id is {market.id}; leave it out", f"{field}.id")
        read[market_id] = _market(market, field, tokens)
    return read


def _market(market: NewMarket, field: str, tokens: set[str]) -> NewMarket:
    """*market* with its outcomes in their one form; its tokens join those of the event."""
    code = "INVALID_MARKETS"
    where = f"{field}.token_ids"
    for token in market.token_ids:
        if _TOKEN.fullmatch(token) is None:
            said = f"{where} has {_shown(token)}; it takes 1..64 of A-Z a-z 0-9 . _ : -"
            raise _Wrong("INVALID_ID", said, where)
        if token in tokens:
            raise _Wrong(code, f"{where} has {_shown(token)}, which the event has already", where)
        tokens.add(token)
    where = f"{field}.outcomes"
    first, second = (
        _line(one, where, OUTCOME_CHARS_MAX, "INVALID_OUTCOMES") for one in market.outcomes
    )
    if first.casefold() == second.casefold():
        raise _Wrong("INVALID_OUTCOMES", f"{where} are both {_shown(first)}; name two", where)
    if not 0 < market.tick_size <= PAYOUT or PAYOUT % market.tick_size:
        where = f"{field}.tick_size"
        said = f"{where} is {market.tick_size}; it takes a divisor of {PAYOUT}"
        raise _Wrong("INVALID_TICK", said, where)
    fees = market.fees
    if fees is not None:
        where = f"{field}.fees"
        rates = (fees.maker_ppm, fees.taker_ppm)
        if min(rates) < 0 or max(rates) > FEE_PPM_MAX:
            raise _Wrong(code, f"{where} has a rate beyond 0..{FEE_PPM_MAX} ppm", where)
    return NewMarket(
        token_ids=market.token_ids,
        outcomes=(first, second),
        tick_size=market.tick_size,
        fees=fees,
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 64 else f"{text[:61]}...")
