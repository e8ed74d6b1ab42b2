"""Where there is no browser the tests of the page say so, and fail where there must be one."""

from __future__ import annotations

import pytest

from tests.page.chromium import ChromiumMissing, find_chromium, leave_out


def test_a_missing_browser_is_said_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ChromiumMissing, match="apt install chromium"):
        find_chromium()


@pytest.mark.parametrize(
    ("required", "ending"),
    [
        ("", pytest.skip.Exception),
        ("nats,compiler", pytest.skip.Exception),
        ("nats,chromium", pytest.fail.Exception),
    ],
)
def test_what_needs_it_is_skipped_or_fails_where_it_is_required(
    monkeypatch: pytest.MonkeyPatch, required: str, ending: type[BaseException]
) -> None:
    monkeypatch.setenv("PM_REQUIRE", required)
    with pytest.raises(ending, match="no Chromium"):
        leave_out("no Chromium")
