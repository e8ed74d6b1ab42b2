"""Price ladders, and how a taker meets what rests on them: pure, usable on their own."""

from pmengine.matching.contract import Fill, LadderContract, Match
from pmengine.matching.ladder import Ladder
from pmengine.matching.naive_ladder import NaiveLadder

__all__ = ["Fill", "Ladder", "LadderContract", "Match", "NaiveLadder"]
