"""Writes what was seen of a deployment as HTML; everything that was told is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from math import isinf
from typing import Final

import attrs

from pmengine.gateways.venue import RequestsCounted
from pmengine.processes.survey import ONE_PROCESS, Seen
from pmengine.services.store_metrics import LayerCounted

REFRESH_S: Final = 2

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8886; --good: #14703a; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --good: #6fdc98; --bad: #ff9d94; } }
body { font: 1rem/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 90rem; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
table { min-width: min(100%, 45rem); }
caption { font-weight: 600; padding: 1rem 0 .3rem; text-align: start; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: start; }
td, th { vertical-align: top; white-space: nowrap; }
td.number, th.number { text-align: end; }
td.text { min-width: 13rem; overflow-wrap: anywhere; white-space: normal; }
dl { display: grid; gap: .2rem 1rem; grid-template-columns: max-content 1fr; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
@media (max-width: 40rem) {
  body { padding: .6rem; }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; }
}
"""

_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a browser may do with the page: show it in its own style, and nothing else."""


@attrs.frozen(kw_only=True)
class Look:
    """
    What was seen of each shard, and when: in epoch milliseconds, and in seconds that only grow.

    `counted` is what the gateway had answered that shows the page.
    """

    seen: Sequence[Seen]
    time_ms: int
    at_s: float
    counted: RequestsCounted


def page_of(look: Look, before: Look | None, layers: Sequence[LayerCounted]) -> bytes:
    """
    The page of *look*.

    Args:
        before: The look before it, which rates are against.
        layers: What the layers of this process's own stores did.
    """
    problems = list(dict.fromkeys(problem for one in look.seen for problem in one.problems))
    parts = [_problems(problems)]
    for one in look.seen:
        if len(look.seen) > 1:
            parts.append(f"<h2>Shard {one.shard}</h2>")
        parts += [_facts(one, _rate(one, look, before)), _services(one), _kept_for(one)]
    if before is not None and before.at_s < look.at_s:
        parts.append(_requests(look, before))
    parts.append(_layers(layers))
    title = "all is well" if not problems else f"problems: {len(problems)}"
    return _document(title, parts, look.time_ms)


def trouble_page(reason: str, time_ms: int) -> bytes:
    """The page where nothing can be seen, and why."""
    return _document("cannot be seen", [_problems([reason])], time_ms)


def _document(title: str, parts: Iterable[str], time_ms: int) -> bytes:
    at = datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="refresh" content="{REFRESH_S}">'
        f"<title>pmengine: {escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>pmengine: {escape(title)}</h1>{''.join(parts)}"
        f"<p>Seen at <time>{at}</time>; looks again every {REFRESH_S} seconds.</p>"
        "</main></body></html>\n"
    ).encode()


def _problems(problems: Sequence[str]) -> str:
    if not problems:
        return '<p class="good">No problems.</p>'
    items = "".join(f"<li>{escape(problem)}</li>" for problem in problems)
    return f'<section class="bad" aria-label="Problems"><ul>{items}</ul></section>'


def _facts(seen: Seen, rate: float | None) -> str:
    log = seen.log
    rows = [
        ("Leads", _leader(seen)),
        ("Log", f"entries {log.first} to {log.last}, at {log.position} of {seen.streams}"),
        ("Rate", "not known yet" if rate is None else f"{rate:.1f} entries of the log a second"),
        ("An answer is kept", seen.promise),
        *(
            (name, f"tells of the log through entry {number}, {max(0, log.last - number)} behind")
            for name, number in seen.projections.items()
        ),
    ]
    return f"<dl>{''.join(f'<dt>{escape(a)}</dt><dd>{escape(b)}</dd>' for a, b in rows)}</dl>"


def _leader(seen: Seen) -> str:
    if seen.leader:
        return f"engine {seen.leader}, epoch {seen.epoch}"
    is_one = any(one.service == ONE_PROCESS for one in seen.services)
    return "the one process that there is" if is_one else "nobody"


def _rate(seen: Seen, look: Look, before: Look | None) -> float | None:
    """How many entries a second the log grew since the look *before*."""
    if before is None or look.at_s <= before.at_s:
        return None
    earlier = next((one for one in before.seen if one.shard == seen.shard), None)
    if earlier is None or earlier.log.last > seen.log.last:
        return None
    return (seen.log.last - earlier.log.last) / (look.at_s - before.at_s)


def _services(seen: Seen) -> str:
    rows: list[Sequence[str | int]] = [
        (
            one.service,
            one.state,
            one.reason,
            one.role,
            one.number,
            one.lag,
            one.position,
            f"{one.host}:{one.pid}" if one.pid else one.url,
        )
        for one in sorted(seen.services, key=lambda one: (one.service, one.state, one.instance))
    ]
    names = ("service", "state", "says", "role", "entry", "lag", "position", "process")
    return _table("Services", names, rows)


def _kept_for(seen: Seen) -> str:
    rows: list[Sequence[str | int]] = [
        (
            one.stream,
            one.service,
            one.number,
            one.lag,
            f"away for {one.heard_ms / 1000:.0f} s" if one.is_away else "runs",
        )
        for one in seen.kept_for
    ]
    names = ("stream", "service", "entry", "lag", "state")
    return _table("What streams are kept for", names, rows) if rows else ""


def _requests(look: Look, before: Look) -> str:
    """What this gateway answered since the look *before*."""
    seconds = look.at_s - before.at_s
    requests = look.counted.requests - before.counted.requests
    accepted = look.counted.accepted - before.counted.accepted
    within = {
        bound: count - before.counted.within.get(bound, 0)
        for bound, count in look.counted.within.items()
    }
    row = (f"{requests / seconds:.1f}", f"{accepted / seconds:.1f}")
    times = [_time_of(within, share) for share in (0.5, 0.99)]
    names = ("requests/s", "orders accepted/s", "half within", "99 % within")
    return _table("Requests to this gateway", names, [[*row, *times]])


def _time_of(within: Mapping[float, int], share: float) -> str:
    """In how long that *share* of the requests was answered, as far as it was counted."""
    count = max(within.values(), default=0)
    if count == 0:
        return "-"
    bound = next(bound for bound, answered in within.items() if answered >= share * count)
    return "longer" if isinf(bound) else f"{bound * 1000:g} ms"


def _layers(layers: Sequence[LayerCounted]) -> str:
    rows: list[Sequence[str | int]] = [
        (one.store, one.layer, one.breaker or "has none", one.calls, one.mean_ms, one.errors)
        for one in layers
    ]
    names = ("store", "layer", "breaker", "calls", "mean ms", "errors")
    return _table("Layers of this process's stores", names, rows) if rows else ""


_NUMBERS: Final = frozenset(
    {"entry", "lag", "calls", "mean ms", "errors"}
    | {"requests/s", "orders accepted/s", "half within", "99 % within"}
)
_MARKS: Final = {
    "ready": "good",
    "not ready": "bad",
    "silent": "bad",
    "closed": "good",
    "half open": "bad",
    "open": "bad",
}


def _table(caption: str, names: Sequence[str], rows: Sequence[Sequence[str | int]]) -> str:
    head = "".join(f'<th scope="col"{_number(name)}>{name}</th>' for name in names)
    body = "".join(f"<tr>{''.join(_cells(names, row))}</tr>" for row in rows)
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{caption}"><table>'
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        "</table></div>"
    )


def _cells(names: Sequence[str], row: Sequence[str | int]) -> Iterator[str]:
    for name, value in zip(names, row, strict=True):
        text = escape(str(value))
        if name == names[0] and name not in _NUMBERS:
            yield f'<th scope="row">{text}</th>'
        elif name in ("state", "breaker"):
            yield f'<td class="{_MARKS.get(str(value), "")}">{text}</td>'
        elif name == "says":
            yield f'<td class="text">{text}</td>'
        else:
            yield f"<td{_number(name)}>{text}</td>"


def _number(name: str) -> str:
    return ' class="number"' if name in _NUMBERS else ""
