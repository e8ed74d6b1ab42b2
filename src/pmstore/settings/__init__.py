"""Environment and `.env` turned into typed, frozen settings, with all problems at once."""

from pmstore.settings.declaration import Setting, family, group, setting, settings_of
from pmstore.settings.documentation import markdown_table
from pmstore.settings.env_file import read_env_file
from pmstore.settings.parsers import (
    Parser,
    boolean,
    choice,
    duration_s,
    integer,
    path,
    stack,
    text,
)
from pmstore.settings.pins import environment_pins
from pmstore.settings.reading import read_settings
from pmstore.settings.storage import Mode, OptionalServer, StorageSettings

__all__ = [
    "Mode",
    "OptionalServer",
    "Parser",
    "Setting",
    "StorageSettings",
    "boolean",
    "choice",
    "duration_s",
    "environment_pins",
    "family",
    "group",
    "integer",
    "markdown_table",
    "path",
    "read_env_file",
    "read_settings",
    "setting",
    "settings_of",
    "stack",
    "text",
]
