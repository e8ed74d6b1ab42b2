"""What a `redis:` URL can say, and what is refused."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from pmstore.backends.redis import RedisConfig, pmstore_backend, redis_config
from pmstore.backends.redis.config import SCHEMES, RedisParameters
from pmstore.errors import SettingsError
from pmstore.url import parse_url

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "redis.md"
IN_PLACES = {"user", "password", "host", "port", "path"}


def read(text: str) -> RedisConfig:
    return redis_config(parse_url(text))


def test_the_parts_of_a_url_are_those_of_the_config() -> None:
    config = read(
        "rediss://me:s%40crt@redis.example:7000/3?prefix=x&pool_size=20&min_idle_conns=2"
        "&ttl_s=86400&recent=10000&tombstone_s=60&timeout_s=0.5&tls_ca=ca.pem&tls_verify=ca"
    )
    assert config == RedisConfig(
        scheme="rediss",
        user="me",
        password="s@crt",
        host="redis.example",
        port=7000,
        path="/3",
        prefix="x",
        pool_size=20,
        min_idle_conns=2,
        ttl_s=86400,
        recent=10000,
        tombstone_s=60,
        timeout_s=0.5,
        tls_ca=Path("ca.pem"),
        tls_verify="ca",
    )
    assert (config.address, config.database, config.is_tls) == (("redis.example", 7000), 3, True)


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("redis://localhost", ""),
        ("redis://localhost?prefix=test", "test:"),
        ("redis+cluster://localhost", "{pm0}"),
        ("redis+cluster://localhost?prefix=test&shard=12", "{pm12}test:"),
        ("redis+sentinel://localhost?prefix=test", "test:"),
    ],
)
def test_a_prefix_and_a_shard_begin_every_key(url: str, prefix: str) -> None:
    assert read(url).key_prefix == prefix


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_has_its_port(scheme: str) -> None:
    port = 26379 if "sentinel" in scheme else 6379
    assert read(f"{scheme}://localhost").address == ("localhost", port)
    assert scheme in pmstore_backend().schemes


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("redis://h/x", "the number of a database"),
        ("redis://h?prefix=a:b", "prefix is 'a:b'"),
        ("redis://h?prefix=order", "our own keys begin with"),
        ("redis://h?pool_size=0", "pool_size is 0"),
        ("redis://h?pool_size=2&min_idle_conns=3", "do not fit"),
        ("redis://h?ttl_s=0", "ttl_s is 0"),
        ("redis://h?timeout_s=nan", "timeout_s is nan"),
        ("redis+cluster://h/1", "a cluster has only database 0"),
        ("rediss://h?tls_verify=yes", "expected one of full, ca, none"),
        ("rediss://h?tls_key=k", "without tls_cert"),
        ("redis://h?tls_ca=ca.pem", "rediss://"),
        ("redis://h?ttl=5", "Did you mean ttl_s?"),
        ("redis+sentinel://h?sentinels=one,two:1", "host:port"),
    ],
)
def test_what_cannot_be_is_refused(url: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        read(url.replace("//h", "//:s3cret@h"))
    assert "s3cret" not in str(caught.value)


def test_a_config_shows_no_password() -> None:
    config = read("redis://me:s3cret@h/1?prefix=x")
    assert "s3cret" not in f"{config!r} {config} {config.where}"


def test_stores_share_connections_whatever_they_keep() -> None:
    same = {
        read(f"redis://h/1?{more}").connections_key
        for more in ("prefix=x", "ttl_s=5", "recent=5", "tombstone_s=5")
    }
    assert len(same) == 1
    for other in ("redis://h/2", "redis://:p@h/1", "redis://h/1?timeout_s=1", "rediss://h/1"):
        assert read(other).connections_key not in same


@pytest.mark.docs
def test_every_parameter_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    names = {field.name for field in attrs.fields(RedisParameters)} - IN_PLACES
    assert {name for name in names if f"`{name}`" not in page} == set()
    assert {scheme for scheme in SCHEMES if f"`{scheme}`" not in page} == set()
