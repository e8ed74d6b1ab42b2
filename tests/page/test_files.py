"""What is read of a page at the start, and what settings may say of it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pmengine.gateways.page import own_files, read_files
from pmengine.settings import Settings
from pmstore import SettingsError
from pmstore.settings import read_settings
from tests.page.built import built

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("said", ["/user", "ws://127.0.0.1:8082/user", "wss://feeds.example/u"])
def test_a_feed_is_at_a_path_or_at_a_websocket_url(said: str) -> None:
    assert read_settings(Settings, environ={"PAGE_USER_FEED": said}).page_user_feed == said


@pytest.mark.parametrize(
    "said",
    [
        "user",
        "//elsewhere/user",
        "https://feeds.example/user",
        "wss:///user",
        "wss://u:p@feeds.example/user",
        "wss://feeds.example:0/user",
        "wss://feeds.example:x/user",
        "wss://feeds.example/user; script-src *",
        "wss://a,b/user",
        "/\\elsewhere",
    ],
)
def test_anything_else_is_refused_before_it_gets_into_the_policy(said: str) -> None:
    with pytest.raises(SettingsError, match="PAGE_USER_FEED"):
        read_settings(Settings, environ={"PAGE_USER_FEED": said})


def test_a_folder_without_an_index_or_with_what_is_no_file_of_a_page_is_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match=r"no index\.html"):
        read_files(tmp_path)
    with pytest.raises(ValueError, match=r"index\.html~"):
        read_files(built(tmp_path, {"index.html": b"", "index.html~": b""}))


def test_a_wheel_has_the_page_in_it(tmp_path: Path) -> None:
    program = f"import hatchling.build as b; b.build_wheel({str(tmp_path)!r})"
    built_pure = {**os.environ, "PMENGINE_PURE": "1"}
    subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=built_pure, capture_output=True, check=True
    )
    [wheel] = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as unpacked:
        packed = {name for name in unpacked.namelist() if "/page/static/" in name}
    names = {path.removeprefix("/") or "index.html" for path in own_files()}
    assert packed == {f"pmengine/gateways/page/static/{name}" for name in names}


def test_the_page_that_we_bring_is_of_files_whose_names_tell_their_content() -> None:
    for path, file in own_files().items():
        assert file.is_hashed == path.startswith("/assets/"), path
