"""Settings of who may ask are refused where they would leave a door open, and tell no secret."""

from __future__ import annotations

import pytest

from pmengine.settings import PREFIXES, Settings
from pmstore import SettingsError
from pmstore.settings import read_settings

SECRET = "a-secret-of-more-than-32-bytes-in-all"


def read(**environ: str) -> Settings:
    return read_settings(Settings, environ=environ, prefixes=PREFIXES)


def problems(**environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(**environ)
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "exchange.test"])
def test_the_api_listens_beyond_this_machine_only_with_auth_on(host: str) -> None:
    assert "API_HOST" in problems(API_HOST=host)
    assert "API_HOST" in problems(API_HOST=host, AUTH="off")
    assert read(API_HOST=host, AUTH="keys").host == host
    assert read(API_HOST=host, AUTH="jwt", JWT_SECRET=SECRET).host == host
    assert read(API_HOST=host, AUTH="jwt,keys", JWT_PUBLIC_KEY="key.pem").host == host


def test_tokens_take_exactly_one_way_to_verify_them() -> None:
    assert "JWT_PUBLIC_KEY" in problems(AUTH="jwt")
    both = {"JWT_PUBLIC_KEY": "key.pem", "JWT_SECRET": SECRET}
    assert "one algorithm" in problems(AUTH="jwt,keys", **both)


def test_a_short_secret_is_refused_and_not_shown() -> None:
    said = problems(AUTH="jwt", JWT_SECRET="too-short-a-secret")
    assert "JWT_SECRET" in said
    assert "32 bytes" in said
    assert "too-short" not in said


def test_a_secret_is_in_no_repr() -> None:
    assert SECRET not in repr(read(AUTH="jwt", JWT_SECRET=SECRET))


def test_keys_need_streams_that_others_reach() -> None:
    assert "in memory" in problems(AUTH="keys", PMSTORE_STREAMS_URL="memory://")


@pytest.mark.parametrize("text", ["proxy.test", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.1;10.0.0.2"])
def test_proxies_are_addresses_and_networks(text: str) -> None:
    assert "API_TRUSTED_PROXIES" in problems(API_TRUSTED_PROXIES=text)
    assert read(API_TRUSTED_PROXIES="10.0.0.7, 10.1.0.0/16, fd00::/8").trusted_proxies


@pytest.mark.parametrize("way", ["on", "key", "jwt, keys", "keys,jwt", "none"])
def test_auth_is_one_of_what_there_is(way: str) -> None:
    assert "AUTH" in problems(AUTH=way)
