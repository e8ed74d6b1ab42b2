"""What several tests of the command line share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user reaches."""
    folder = Path(tempfile.mkdtemp(prefix="pmstore-doctor-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)
