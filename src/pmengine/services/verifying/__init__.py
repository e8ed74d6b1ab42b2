"""Checks a deployment's log, snapshots, stores and projections against the laws."""

from pmengine.services.verifying.beginning import Beginning, CannotBegin, begin
from pmengine.services.verifying.guard import Guard, LawBroken, guarded
from pmengine.services.verifying.opening import open_verifier
from pmengine.services.verifying.report import Report
from pmengine.services.verifying.stores import StoreComparison
from pmengine.services.verifying.verifier import Verifier

__all__ = [
    "Beginning",
    "CannotBegin",
    "Guard",
    "LawBroken",
    "Report",
    "StoreComparison",
    "Verifier",
    "begin",
    "guarded",
    "open_verifier",
]
