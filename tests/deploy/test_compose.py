"""The compose file runs every service as our commands and settings are."""

from __future__ import annotations

from typing import Any

import pytest

from pmengine.processes.catalogue import SERVICES
from pmengine.settings import PREFIXES, Settings
from pmstore.settings import read_settings
from tests.deploy.files import DEPLOY, KNOWN, compose, compose_services, seconds

OURS = compose_services()


def _settings(service: dict[str, Any]) -> Settings:
    environ = {name: str(value) for name, value in service["environment"].items()}
    env_file = DEPLOY / service["env_file"]
    return read_settings(Settings, env_file=env_file, environ=environ, prefixes=PREFIXES)


def test_every_service_runs_and_the_engine_has_a_standby() -> None:
    commands = [one["command"] for one in OURS.values()]
    assert all(words[0] == "run" and len(words) == 2 for words in commands)
    assert sorted(words[1] for words in commands) == sorted(["engine", *SERVICES])


@pytest.mark.parametrize("name", OURS)
def test_a_service_has_known_settings_and_time_to_stop(name: str) -> None:
    service = OURS[name]
    assert set(service["environment"]) <= KNOWN
    settings = _settings(service)
    assert settings.storage.mode.value == "distributed"
    assert seconds(service["stop_grace_period"]) > settings.shutdown_timeout_s
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_no_two_listen_at_one_port() -> None:
    ports = [_settings(one).service_port for one in OURS.values()]
    one = _settings(OURS["api"])
    ports += [one.port, one.websocket_depth_port, one.websocket_user_port, one.asset_port]
    ports += [one.storage.redis_port, one.storage.database_port]
    assert 0 not in ports
    assert len(set(ports)) == len(ports)


def test_who_is_named_is_there_and_tells_its_health() -> None:
    document = compose()
    for service in document["services"].values():
        assert service["healthcheck"]["test"][0] == "CMD"
        assert set(service.get("depends_on", {})) <= set(document["services"])
        for volume in service.get("volumes", ()):
            where = volume.partition(":")[0]
            if where.startswith("./"):
                assert (DEPLOY / where).exists()
            else:
                assert where in document["volumes"]
    for name in ("redis", "postgres"):
        assert document["services"][name]["volumes"], f"{name} keeps nothing"


def test_redis_keeps_what_it_answered() -> None:
    words = compose()["services"]["redis"]["command"].split()
    given = dict(zip(words[1::2], words[2::2], strict=True))
    assert (given["--appendonly"], given["--appendfsync"]) == ("yes", "always")
    assert given["--bind"] == "127.0.0.1"
