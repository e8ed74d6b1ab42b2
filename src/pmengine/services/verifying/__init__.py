"""Checks a deployment's log, snapshots, stores and projections against the laws."""

from pmengine.services.verifying.beginning import Beginning, CannotBegin, begin
from pmengine.services.verifying.report import Report
from pmengine.services.verifying.stores import StoreComparison
from pmengine.services.verifying.verifier import Verifier

__all__ = ["Beginning", "CannotBegin", "Report", "StoreComparison", "Verifier", "begin"]
