"""Log lines are JSON documents, and go where the settings say."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from pmengine.cli import logs
from pmengine.cli.logs import configure_logs
from pmstore import StorageSettings


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_of_ours_and_of_libraries_are_json(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "exchange.log"
    configure_logs(StorageSettings(log_file=file, log_console=False))
    structlog.get_logger("pmengine.test").warning("dead_letter", position="1-0")
    logging.getLogger("library").warning("slow %s", "disk")
    ours, other = lines(file)
    assert ours["event"] == "dead_letter"
    assert (ours["position"], ours["level"], ours["logger"]) == ("1-0", "warning", "pmengine.test")
    assert str(ours["timestamp"]).endswith("Z")
    assert (other["event"], other["logger"]) == ("slow disk", "library")


def test_the_level_is_kept_to(tmp_path: Path) -> None:
    file = tmp_path / "exchange.log"
    configure_logs(StorageSettings(log_file=file, log_console=False, log_level="ERROR"))
    structlog.get_logger("pmengine.test").warning("unheard")
    structlog.get_logger("pmengine.test").error("heard")
    assert [line["event"] for line in lines(file)] == ["heard"]


def test_the_console_is_the_error_output(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs(StorageSettings(log_console=True))
    structlog.get_logger("pmengine.test").warning("seen")
    out, err = capfd.readouterr()
    assert not out
    assert json.loads(err)["event"] == "seen"


def test_processes_of_one_name_write_a_file_each(tmp_path: Path) -> None:
    settings = StorageSettings(log_file=tmp_path / "pm.log", log_console=False)
    for word in ("first", "second"):
        configure_logs(settings, "relay store")
        structlog.get_logger("pmengine.test").warning(word)
        for handler in logging.getLogger().handlers:
            handler.close()
    [first] = lines(tmp_path / "pm-relay-store.log")
    [second] = lines(tmp_path / "pm-relay-store-2.log")
    assert (first["event"], first["process"]) == ("first", "relay store")
    assert (second["event"], second["process"]) == ("second", "relay store")


def test_a_file_rotates_and_old_ones_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES_MAX", 1_000)
    file = tmp_path / "pm.log"
    configure_logs(StorageSettings(log_file=file, log_console=False, log_rotation_max_files=2))
    for number in range(100):
        structlog.get_logger("pmengine.test").warning("line", number=number)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pm.log", "pm.log.1", "pm.log.2"]
    assert lines(file)[-1]["number"] == 99
    assert all(path.stat().st_size <= 1_000 for path in tmp_path.iterdir())
