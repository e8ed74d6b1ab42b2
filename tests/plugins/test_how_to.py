"""Whoever follows the how-to by its text alone ends with a backend that keeps every law."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.plugins.environments import ROOT, Environment, build_wheel
from tests.plugins.following import blocks, edit, missing, write_files

PAGE = ROOT / "docs" / "how-to" / "write-a-backend.md"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the page was followed, file by file."""
    folder = tmp_path_factory.mktemp("followed") / "pmstore-journal"
    folder.mkdir()
    write_files(PAGE, folder)
    return folder


@pytest.fixture(scope="module")
def environment(
    wheel: Path, followed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """An environment with pmstore and what the page made, installed."""
    wheels = [wheel, build_wheel(followed, wheel.parent)]
    return Environment(tmp_path_factory.mktemp("environment"), wheels)


def pytest_run(
    environment: Environment, folder: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    return environment.run(
        "pytest", "-p", "no:cacheprovider", "-W", "ignore::DeprecationWarning", *options, cwd=folder
    )


def shown_after(word: str) -> str:
    """The first output that the page shows after a block that begins with *word*."""
    found = blocks(PAGE)
    at = next(number for number, one in enumerate(found) if one.body.startswith(word))
    return next(one.body for one in found[at:] if one.word == "text")


def test_the_backend_of_the_page_keeps_every_law(environment: Environment, followed: Path) -> None:
    run = pytest_run(environment, followed, "-q", "-rsf")
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr
    passed = int(re.findall(r"(\d+) passed", run.stdout)[0])
    assert passed >= 70
    reasons = set(re.findall(r"the rig declares no (.+)", run.stdout))
    absent = {"positioned", "shared", "proxied", "damage", "window"}
    assert all(set(one.split(" and ")) & absent for one in reasons), reasons


def test_the_planted_mistake_looks_as_the_page_says(
    environment: Environment, followed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mistaken"
    folder.mkdir()
    write_files(PAGE, folder)
    (mistake,) = [one for one in blocks(PAGE) if one.word == "diff"]
    edit(mistake, folder)
    # The edited source goes before the installed one, as an editable one would.
    options = ("-k", "never-seen", "-o", "pythonpath=src")
    run = pytest_run(environment, folder, *options)
    assert run.returncode == 1, run.stdout + run.stderr
    output = re.sub(r"^E +", "", run.stdout, flags=re.MULTILINE)
    assert missing(shown_after("-            if known"), output) == [], output


def test_the_backend_of_the_page_is_listed(environment: Environment, tmp_path: Path) -> None:
    run = environment.run("pmstore", "plugins", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert missing(shown_after("pmstore plugins"), run.stdout) == [], run.stdout


def test_the_urls_of_the_page_are_read_as_it_says(
    environment: Environment, followed: Path, tmp_path: Path
) -> None:
    script = followed / "try_it.py"
    run = environment.run("python", str(script), cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    promised = shown_after("import asyncio\n\nimport pmstore\n\n\nasync def main")
    assert missing(promised, run.stdout) == [], run.stdout


def test_verify_finds_nothing_broken(environment: Environment, tmp_path: Path) -> None:
    run = environment.run("pmstore", "verify", "journal:data", "--json", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    verdicts = {one["contract"]: one for one in json.loads(run.stdout)}
    assert verdicts.keys() == {"orders", "trades"}
    assert all(one["kept"] and not one["broken"] for one in verdicts.values())


DAMAGED = """
import asyncio
from pathlib import Path

from pmstore_journal import JournalConfig
from pmstore_journal.upkeep import JournalUpkeep

place = Path("damaged")
place.mkdir()
for name in ("orders", "trades"):
    (place / f"{name}.journal").write_bytes(b"no line of ours\\n")


async def main():
    for _ in range(2):
        await JournalUpkeep().wipe(JournalConfig(path=place))
        assert not place.exists()


asyncio.run(main())
"""


def test_wiping_removes_what_is_damaged_and_is_harmless_twice(
    environment: Environment, tmp_path: Path
) -> None:
    run = environment.run("python", "-X", "dev", "-c", DAMAGED, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr


UNHEARD = """
import asyncio
import gc
from pathlib import Path

from pmstore.testing.samples import trade
from pmstore_journal import JournalTradeStore


async def main():
    async with JournalTradeStore(Path("full")) as trades:
        appending = asyncio.ensure_future(trades.append([trade(1)]))
        await asyncio.sleep(0)
        # The disk fails beneath it, and its caller goes.
        trades._journal.close()
        appending.cancel()
        await asyncio.wait([appending])
        assert appending.cancelled()
    gc.collect()


asyncio.run(main())
"""


def test_a_cancelled_write_that_fails_is_not_printed(
    environment: Environment, tmp_path: Path
) -> None:
    run = environment.run("python", "-c", UNHEARD, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""


def test_verify_leaves_no_folder_behind(environment: Environment, tmp_path: Path) -> None:
    command = ("pmstore", "verify", "journal:data/deep", "--contract", "trades")
    run = environment.run(*command, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    shown = shown_after("pmstore verify").replace("orders …\n", "")
    assert missing(shown, run.stdout) == [], run.stdout
    assert list(tmp_path.iterdir()) == []
