"""A backend's config is filled from a URL, and what does not fit is refused with all reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs
import pytest

from pmstore import SettingsError, Url
from pmstore.plugin import config_from
from pmstore.url import parse_url


@attrs.frozen(kw_only=True)
class Config:
    """One field of each kind that a URL can fill."""

    path: Path
    port: int = 1
    fsync: Literal["always", "never"] = "always"
    pool_size: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.ge(1))
    )
    wait_s: float = 1.5
    compress: bool = False
    label: str = ""


def test_a_config_takes_parts_and_parameters() -> None:
    url = parse_url("x:/a/b?fsync=never&pool_size=3&wait_s=0.5&compress=true&label=a%20b")
    assert config_from(Config, url) == Config(
        path=Path("/a/b"), fsync="never", pool_size=3, wait_s=0.5, compress=True, label="a b"
    )
    assert config_from(Config, parse_url("x:a")) == Config(path=Path("a"))


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("x:", ["path is missing"]),
        ("x:a?pool=3", ["unknown parameter 'pool'. Did you mean pool_size?"]),
        ("x:a?zzzzz=3", ["it takes fsync, pool_size, wait_s, compress, label"]),
        ("x:a?port=3", ["unknown parameter 'port'"]),
        ("x://u:p@h/a", ["x takes no user", "x takes no password", "x takes no host"]),
        ("x:a?fsync=alway", ["expected one of always, never. Did you mean always?"]),
        (
            "x:a?pool_size=x&wait_s=y",
            ["pool_size: expected an integer", "wait_s: expected a number"],
        ),
        ("x:a?compress=yes", ["compress: expected true or false"]),
        ("x:a?pool_size=0", ["'pool_size' must be >= 1"]),
    ],
)
def test_what_does_not_fit_is_refused_with_all_reasons(text: str, reasons: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        config_from(Config, parse_url(text))
    assert len(caught.value.problems) == len(reasons)
    for problem, reason in zip(caught.value.problems, reasons, strict=True):
        assert reason in problem
        assert ":p@" not in problem


def test_a_config_of_another_kind_is_the_plugin_authors_mistake() -> None:
    @attrs.frozen
    class Wrong:
        many: list[int]

    with pytest.raises(TypeError, match="cannot be read from a URL"):
        config_from(Wrong, Url(scheme="x", parameters={"many": "1"}))
