"""What the engine says to commands written as in the scenario tables."""

from __future__ import annotations

from typing import Any, Final

from pmengine.engine import Engine
from pmstore import Change
from tests.engine.speaking import Speaker
from tests.engine.tapes import START_MS

Told = list[tuple[list[Change], int]]
"""The facts of each command, with its time."""

MONEY: Final = """
ann deposit d 1000000
bob deposit d 1500000
bob split s 1/1 50
"""
"""Money for two users, and pairs for one of them, in market 1/1."""


def facts_of(script: str, **options: Any) -> Told:
    """What the engine says to each command of *script*; every command is accepted."""
    speaker, engine, time_ms = Speaker(), Engine(**options), START_MS
    told: Told = []
    for line in script.split("\n"):
        if line.startswith("time +"):
            time_ms = START_MS + int(line.removeprefix("time +"))
        elif line:
            outcome = engine.handle(speaker.command(line), time_ms)
            assert outcome.refusal is None, line
            told.append((list(outcome.facts), time_ms))
    return told
