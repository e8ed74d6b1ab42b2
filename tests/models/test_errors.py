"""Errors go from process to process as they are."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

from pmstore.errors import (
    CorruptData,
    PmstoreError,
    SettingsError,
    StoreUnavailable,
    WriteOutcome,
    WriterLocked,
)


def _pickled(error: PmstoreError) -> object:
    return pickle.loads(pickle.dumps(error))


ERRORS = [
    PmstoreError("no"),
    StoreUnavailable("no answer", outcome=WriteOutcome.APPLIED),
    WriterLocked("held"),
    CorruptData("torn", where="a file", position=(1, 2)),
    SettingsError(["one", "two"]),
]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, _pickled])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_copied_and_pickled_with_all_that_it_says(
    error: PmstoreError, again: Callable[[PmstoreError], object]
) -> None:
    found = again(error)

    assert isinstance(found, type(error))
    assert str(found) == str(error)
    assert (found.outcome, found.retryable) == (error.outcome, error.retryable)
    assert vars(found) == vars(error)
