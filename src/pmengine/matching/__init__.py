"""Price ladders, and how a taker meets what rests on them: pure, usable on their own."""

from pmengine.matching.contract import NOBODY, LadderContract
from pmengine.matching.ladder import Ladder
from pmengine.matching.naive_ladder import NaiveLadder

__all__ = ["NOBODY", "Ladder", "LadderContract", "NaiveLadder"]
