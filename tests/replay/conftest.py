"""Which recordings the tests of the replay read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.replay.venue import trade_for_a_while

SIBLING = Path(__file__).parents[3] / "shared" / "data" / "bitstamp-2015-05-01.log.xz"


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of our own venue, xz."""
    return trade_for_a_while(1).write(tmp_path_factory.mktemp("synthetic") / "flow.log.xz")


@pytest.fixture(scope="session")
def recording(synthetic: Path) -> Path:
    """
    The recording of a real venue: `PM_RECORDING`, or the one beside the checkout.

    Where there is neither, our own venue's, so that nothing is skipped.
    """
    named = os.environ.get("PM_RECORDING")
    if named:
        assert Path(named).is_file(), f"PM_RECORDING names no file: {named}"
        return Path(named)
    return SIBLING if SIBLING.is_file() else synthetic
