"""Draws figures over powers of ten as an SVG picture, without a library for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

_COLOURS: Final = ("#1f77b4", "#d62728", "#2ca02c")
_WIDTH: Final = 720
_HEIGHT: Final = 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 30, 50, 60


def drawn(
    title: str, x_name: str, y_name: str, lines: Mapping[str, Sequence[tuple[float, float]]]
) -> str:
    """
    A picture of *lines*: points by name, with positive x on a logarithmic scale and y from 0.
    """
    points = [point for line in lines.values() for point in line]
    powers = range(
        math.floor(min(math.log10(x) for x, _ in points)),
        math.ceil(max(math.log10(x) for x, _ in points)) + 1,
    )
    y_step = _step(max(y for _, y in points) / 5)
    y_count = math.ceil(max(y for _, y in points) / y_step)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - powers[0]) / (powers[-1] - powers[0] or 1)
        up = y / (y_step * y_count)
        return (
            _LEFT + across * (_WIDTH - _LEFT - _RIGHT),
            _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM),
        )

    made = [_text(_WIDTH / 2, 24, title, "middle"), _text(_LEFT, 42, y_name, "end")]
    made.append(_text(_WIDTH / 2, _HEIGHT - 12, x_name, "middle"))
    for power in powers:
        x, bottom = at(10**power, 0)
        made.append(f'<path d="M{x:.1f} {bottom:.1f}V{_TOP}" stroke="#ddd"/>')
        made.append(_text(x, bottom + 18, f"{10**power:,}", "middle"))
    for number in range(y_count + 1):
        left, y = at(10 ** powers[0], number * y_step)
        made.append(f'<path d="M{left:.1f} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        made.append(_text(left - 8, y + 4, f"{number * y_step:g}", "end"))
    for number, (name, line) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [at(x, y) for x, y in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        made.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        made += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in places]
        made.append(_text(_LEFT + 12, _HEIGHT - _BOTTOM - 12 - 18 * number, name, "start", colour))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">',
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
            *made,
            "</svg>\n",
        ]
    )


def _step(size: float) -> float:
    """A round number that is not below *size*."""
    power: float = 10 ** math.floor(math.log10(size))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= size)


def _text(x: float, y: float, text: str, anchor: str, colour: str = "black") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
        f'font-family="sans-serif" font-size="13">{escape(text)}</text>'
    )
