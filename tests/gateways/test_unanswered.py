"""Stores that do not answer are said, and not once for every request."""

from __future__ import annotations

from structlog.testing import capture_logs

from pmengine.gateways.http.failures import problem_from
from pmstore import StoreUnavailable


def test_a_path_that_fails_again_and_again_is_said_once() -> None:
    with capture_logs() as said:
        for path in ("/one", "/other"):
            for _ in range(100):
                error = StoreUnavailable("no answer in time")
                assert problem_from(error, "GET", path, is_applied=False).status == 503
    assert [(one["event"], one["path"]) for one in said] == [
        ("store_unavailable", "/one"),
        ("store_unavailable", "/other"),
    ]
