"""How a class declares the settings that fill it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar, overload

import attrs

from pmstore.settings.parsers import Parser

T = TypeVar("T")
D = TypeVar("D")
_KEY: Final = "pmstore.settings"


@attrs.frozen(kw_only=True)
class Setting:
    """
    One setting as it was declared.

    Attributes:
        name: Of the environment variable; a family's ends with `*`.
        form: What its text looks like.
        default: The value when it is unset or empty.
        doc: What it does, with units.
        secret: Whether its value is kept out of every message.
    """

    name: str
    form: str
    default: object
    doc: str
    secret: bool = False


@attrs.frozen
class Declared:
    """What a field of a settings class is filled from."""

    setting: Setting
    parser: Parser[Any]


@attrs.frozen
class DeclaredFamily:
    """A field that takes every setting whose name begins with a prefix."""

    setting: Setting
    prefix: str


@attrs.frozen
class DeclaredGroup:
    """A field that is a settings class itself."""

    cls: type[Any]


@overload
def setting(
    name: str, parser: Parser[T], /, *, default: T, doc: str, secret: bool = False
) -> T: ...
@overload
def setting(
    name: str, parser: Parser[T], /, *, default: None, doc: str, secret: bool = False
) -> T | None: ...
def setting(
    name: str, parser: Parser[Any], /, *, default: Any, doc: str, secret: bool = False
) -> Any:
    """
    Declare the field of an attrs class as a setting.

    Args:
        name: Of the environment variable.
        parser: Reads its text.
        default: The value when it is unset or empty.
        doc: One sentence for the reference page, with units.
        secret: Keep the value out of `repr` and out of messages.
    """
    declared = Setting(name=name, form=parser.form, default=default, doc=doc, secret=secret)
    return attrs.field(
        default=default, repr=not secret, metadata={_KEY: Declared(declared, parser)}
    )


def family(prefix: str, /, *, doc: str) -> Mapping[str, str]:
    """
    Declare a field that takes every setting named *prefix* and something.

    Its value maps that something, in lower case, to the text.
    """
    declared = Setting(name=f"{prefix}*", form="text", default=None, doc=doc)
    field: Any = attrs.field(factory=dict, metadata={_KEY: DeclaredFamily(declared, prefix)})
    mapping: Mapping[str, str] = field
    return mapping


def group(cls: type[T], /) -> T:
    """Declare a field that is a settings class itself, read together with the rest."""
    field: Any = attrs.field(factory=cls, metadata={_KEY: DeclaredGroup(cls)})
    value: T = field
    return value


def declarations(cls: type[Any], /) -> dict[str, Declared | DeclaredFamily | DeclaredGroup]:
    """The fields of *cls* that are declared as settings."""
    return {
        field.name: field.metadata[_KEY] for field in attrs.fields(cls) if _KEY in field.metadata
    }


def settings_of(cls: type[Any], /) -> list[Setting]:
    """Every setting of *cls* and its groups, in the order of declaration."""
    found: list[Setting] = []
    for declared in declarations(cls).values():
        found += (
            settings_of(declared.cls) if isinstance(declared, DeclaredGroup) else [declared.setting]
        )
    return found
