"""Price ladders, and how a taker meets what rests on them: pure, usable on their own."""

from pmengine.matching.matched import Fill, Ladder, LadderContract, Match, NaiveLadder

__all__ = ["Fill", "Ladder", "LadderContract", "Match", "NaiveLadder"]
