"""Recorded order flow of real venues, read and played through an engine."""

from typing import Final

from pmengine.replay.bitstamp import read_bitstamp
from pmengine.replay.events import Reader, RecordingError
from pmengine.replay.opening import Opening, survey
from pmengine.replay.pace import Pace, parse_speed
from pmengine.replay.play import Progress, Report, replay
from pmengine.replay.prints import Unmatched, by_cause
from pmengine.replay.translation import Cause

FORMATS: Final[dict[str, Reader]] = {"bitstamp": read_bitstamp}
"""The reader of each format by the format's name."""

__all__ = [
    "FORMATS",
    "Cause",
    "Opening",
    "Pace",
    "Progress",
    "Reader",
    "RecordingError",
    "Report",
    "Unmatched",
    "by_cause",
    "parse_speed",
    "replay",
    "survey",
]
