"""Settings are typed, and everything that is wrong with them is said at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest

from pmstore import SettingsError
from pmstore.settings import (
    StorageSettings,
    boolean,
    choice,
    duration_s,
    environment_pins,
    group,
    integer,
    read_settings,
    setting,
)


@attrs.frozen(kw_only=True)
class TickSettings:
    """A part of another program's settings."""

    tick_ms: int = setting("ENGINE_TICK_MS", integer(1, 60_000), default=100, doc="Tick.")
    ledger: bool = setting("ENGINE_LEDGER", boolean(), default=True, doc="Ledger.")
    token: str | None = setting(
        "ENGINE_TOKEN", choice("aaa", "bbb"), default=None, doc="Token.", secret=True
    )

    def conflicts(self) -> list[str]:
        return ["ENGINE_TICK_MS: not 13"] if self.tick_ms == 13 else []


@attrs.frozen(kw_only=True)
class ProgramSettings:
    """A program's settings: its own, and those of the storage part."""

    ticks: TickSettings = group(TickSettings)
    storage: StorageSettings = group(StorageSettings)


def read(**environ: str) -> ProgramSettings:
    return read_settings(ProgramSettings, environ=environ, prefixes=("PMSTORE_", "ENGINE_"))


def test_what_is_unset_or_empty_has_its_default() -> None:
    assert read() == ProgramSettings()
    assert read(ENGINE_TICK_MS="", DATABASE_PORT=" ") == ProgramSettings()


def test_values_are_typed() -> None:
    settings = read(
        ENGINE_TICK_MS="250",
        ENGINE_LEDGER="off",
        DATABASE_ENABLED="TRUE",
        DATABASE_CONN_MAX_LIFETIME="5m",
        DATABASE_SSL_MODE="Verify-Full",
        PMSTORE_ORDERS_URL="memory://",
    )
    assert settings.ticks.tick_ms == 250
    assert settings.ticks.ledger is False
    assert settings.storage.database_enabled is True
    assert settings.storage.database_conn_max_lifetime_s == 300.0
    assert settings.storage.database_ssl_mode == "verify-full"
    assert str(settings.storage.orders) == "memory://"


def test_a_password_arrives_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("DATABASE_PASSWORD=' $HOME #1 '\n")
    settings = read_settings(StorageSettings, env_file=file, environ={"REDIS_PASSWORD": "x "})
    assert settings.database_password == " $HOME #1 "
    assert settings.redis_password == "x "


def test_settings_are_frozen() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        read().ticks.tick_ms = 3  # type: ignore[misc]


def test_every_problem_is_named_at_once_with_the_nearest_right_name() -> None:
    with pytest.raises(SettingsError) as caught:
        read(
            PMSTORE_ORDER_URL="memory://",
            ENGINE_TICKS_MS="100",
            ENGINE_NOTHING_LIKE_IT_AT_ALL="1",
            ENGINE_TICK_MS="0",
            DATABASE_PORT="many",
            DATABASE_SSL_MODE="requir",
            REDIS_ENABLED="maybe",
            DATABASE_CONN_MAX_LIFETIME="5 minutes",
            PMSTORE_TRADES_URL="> memory://",
        )
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 9
    for part in (
        "PMSTORE_ORDER_URL: there is no such setting. Did you mean PMSTORE_ORDERS_URL?",
        "ENGINE_TICKS_MS: there is no such setting. Did you mean ENGINE_TICK_MS?",
        "ENGINE_NOTHING_LIKE_IT_AT_ALL: there is no such setting.",
        "ENGINE_TICK_MS: '0' is not of the form: integer 1..60000.",
        "DATABASE_PORT: 'many' is not of the form: integer 1..65535.",
        "Did you mean require?",
        "REDIS_ENABLED: 'maybe' is not of the form: true or false.",
        "DATABASE_CONN_MAX_LIFETIME: '5 minutes'",
        "PMSTORE_TRADES_URL",
    ):
        assert part in text
    assert str(caught.value) == text


def test_impossible_combinations_of_all_parts_are_named_together() -> None:
    with pytest.raises(SettingsError) as caught:
        read(
            ENGINE_TICK_MS="13",
            DATABASE_MAX_CONNECTIONS="2",
            REDIS_POOL_SIZE="1",
            PMSTORE_STREAMS_URL="memory:// > memory://",
        )
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "ENGINE_TICK_MS",
        "DATABASE_MAX_IDLE_CONNECTIONS",
        "REDIS_MIN_IDLE_CONNS",
        "PMSTORE_STREAMS_URL",
    ]


def test_names_of_other_programs_are_not_ours_to_judge() -> None:
    read_settings(StorageSettings, environ={"ENGINE_TICK_MS": "1", "PATH": "/bin"})


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("DATABASE_HOST=from-file\nREDIS_HOST=from-file\nPMSTORE_TYPO=1\nbad line\n")
    with pytest.raises(SettingsError) as caught:
        read_settings(StorageSettings, env_file=file, environ={})
    assert len(caught.value.problems) == 2
    file.write_text("DATABASE_HOST=from-file\nREDIS_HOST=from-file\n")
    settings = read_settings(StorageSettings, env_file=file, environ={"REDIS_HOST": "from-environ"})
    assert (settings.database_host, settings.redis_host) == ("from-file", "from-environ")


def test_an_env_file_of_the_working_directory_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings(StorageSettings, environ={}).redis_host == "localhost"
    (tmp_path / ".env").write_text("REDIS_HOST=from-file\n")
    assert read_settings(StorageSettings, environ={}).redis_host == "from-file"


def test_secrets_are_in_no_text() -> None:
    settings = read(
        DATABASE_ENABLED="true",
        REDIS_ENABLED="true",
        DATABASE_PASSWORD="hunter2",
        REDIS_PASSWORD="hunter2",
        PMSTORE_SNAPSHOTS_URL="redis://me:hunter2@host/0?token=hunter2",
    )
    storage = settings.storage
    assert storage.database_password == "hunter2"
    assert storage.snapshots.truth.password == "hunter2"
    texts = [repr(settings), str(storage.orders), repr(storage.trades), repr(storage.streams)]
    texts += [str(storage.snapshots), repr(storage.snapshots.truth)]
    assert "hunter2" not in " ".join(texts)
    for environ in (
        {"ENGINE_TOKEN": "hunter2"},
        {"PMSTORE_ORDERS_URL": "redis://me:hun/ter2@host#x"},
        {"PMSTORE_ORDERS_URL": "redis://me:hunter2@host:port/0"},
        {"PMSTORE_ORDERS_URL": "redis://me:hunter2@host/0?x"},
    ):
        with pytest.raises(SettingsError) as caught:
            read(**environ)
        assert "ter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("1.5", 1.5), ("250ms", 0.25), ("5m", 300.0), ("1h30m", 5400.0), ("1d", 86400)],
)
def test_lengths_of_time_are_seconds(text: str, seconds: float) -> None:
    assert duration_s().read(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5 m", "m", "-1", "1w", "1e3", "2y", "400d", "nan"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="|It takes"):
        duration_s().read(text)


def test_pins_are_a_family_of_settings() -> None:
    environ: Mapping[str, str] = {"PMSTORE_PIN_S3_HTTP": "acme", "PMSTORE_PIN_REDIS": ""}
    assert read_settings(StorageSettings, environ=environ).pins == {"s3_http": "acme"}
    assert environment_pins(environ) == {"s3_http": "acme"}
