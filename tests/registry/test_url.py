"""A URL is read into its parts, written back the same, and never shows a password."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmstore import SettingsError, Stack, Url
from pmstore.url import parse_stack, parse_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("memory://", Url(scheme="memory")),
        ("memory://?recent=1000", Url(scheme="memory", parameters={"recent": "1000"})),
        ("file:trades.log", Url(scheme="file", path="trades.log")),
        ("file:data/x y", Url(scheme="file", path="data/x y")),
        ("file:///var/x", Url(scheme="file", path="/var/x")),
        ("file:/var/x", Url(scheme="file", path="/var/x")),
        ("file:a%3Eb%7Cc%23d%25", Url(scheme="file", path="a>b|c#d%")),
        (
            "redis://me:p%40ss@host:6379/0?ttl_s=5",
            Url(
                scheme="redis",
                user="me",
                password="p@ss",
                host="host",
                port=6379,
                path="/0",
                parameters={"ttl_s": "5"},
            ),
        ),
        (
            "redis://:pass@[::1]/",
            Url(scheme="redis", user="", password="pass", host="::1", path="/"),
        ),
        ("s3+http://host", Url(scheme="s3+http", host="host")),
        ("  memory://  ", Url(scheme="memory")),
        ("memory://?x=", Url(scheme="memory", parameters={"x": ""})),
    ],
)
def test_a_url_has_its_parts(text: str, url: Url) -> None:
    assert parse_url(text) == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "begins with a scheme"),
        ("trades.log", "begins with a scheme"),
        ("/var/x", "begins with a scheme"),
        ("Memory://", "begins with a scheme"),
        ("1x://", "begins with a scheme"),
        ("file:a\nb", "control character"),
        ("file:a\tb", "control character"),
        ("file:a#b", "write %23"),
        ("redis://host:port/", "cannot be read"),
        ("redis://host:99999/", "cannot be read"),
        ("redis://[::1/", "cannot be read"),
        ("memory://?x", "cannot be read"),
        ("memory://?x=1&x=2", "'x' is given twice"),
    ],
)
def test_what_is_no_url_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        parse_url(text)


@pytest.mark.parametrize(
    ("text", "layers", "sinks"),
    [
        ("memory://", ["memory://"], []),
        ("memory:// > file:x", ["memory://", "file:x"], []),
        ("memory://>redis://h>file:x", ["memory://", "redis://h", "file:x"], []),
        (
            "memory:// > redis://h | file:x | file:y",
            ["memory://", "redis://h"],
            ["file:x", "file:y"],
        ),
        ("redis://h | file:x", ["redis://h"], ["file:x"]),
    ],
)
def test_a_stack_stands_from_fast_to_true_with_its_sinks(
    text: str, layers: list[str], sinks: list[str]
) -> None:
    stack = parse_stack(text)
    assert [str(one) for one in stack.layers] == layers
    assert [str(one) for one in stack.sinks] == sinks
    assert str(stack.truth) == layers[-1]


@pytest.mark.parametrize("text", ["", ">", "memory:// >", "> file:x", "a: > > b:", "a: |", "| a:"])
def test_a_stack_with_an_empty_place_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="a URL on both sides"):
        parse_stack(text)


def test_nothing_stands_behind_a_sink() -> None:
    with pytest.raises(SettingsError, match="no > follows it"):
        parse_stack("memory:// | file:x > file:y")


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
NAME = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
URLS = st.builds(
    Url,
    scheme=st.sampled_from(["memory", "file", "redis", "s3+http"]),
    user=st.none() | TEXT.filter(bool),
    host=st.sampled_from(["host", "10.0.0.1", "::1"]),
    port=st.none() | st.integers(0, 65535),
    path=TEXT.map(lambda text: f"/{text}"),
    # A parameter of such a name is not written as it is.
    parameters=st.dictionaries(
        NAME.filter(lambda name: name not in ("password", "secret", "token")), TEXT
    ),
)


@given(st.lists(URLS, min_size=1, max_size=3), st.lists(URLS, max_size=2))
def test_what_is_written_is_read_back_the_same(layers: list[Url], sinks: list[Url]) -> None:
    stack = Stack(layers=tuple(layers), sinks=tuple(sinks))
    assert parse_stack(str(stack)) == stack


@given(URLS, st.text("abcXYZ0189@:/#", min_size=6, max_size=20).map(lambda text: f"pw{text}"))
def test_a_password_is_in_no_text_of_a_url(url: Url, password: str) -> None:
    secret = Url(scheme=url.scheme, host="h", password=password, parameters={"token": password})
    assert password not in str(secret)
    assert password not in repr(Stack(layers=(secret,)))


def test_equal_urls_are_one_key() -> None:
    one = parse_url("memory://?recent=5&start=1-0")
    other = parse_url("memory://?start=1-0&recent=5")
    assert one == other
    assert len({one, other, parse_url("memory://?recent=6")}) == 2
