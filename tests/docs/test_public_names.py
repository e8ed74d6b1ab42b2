"""What is public says what it is."""

from __future__ import annotations

import inspect
import types

import pytest

import pmstore
import pmstore.codec
import pmstore.plugin
import pmstore.queries
import pmstore.settings

pytestmark = pytest.mark.docs


@pytest.mark.parametrize("module", [pmstore, pmstore.codec, pmstore.plugin, pmstore.settings])
def test_every_public_class_and_function_has_a_docstring(module: types.ModuleType) -> None:
    public = {name: getattr(module, name) for name in module.__all__}
    silent = [
        name
        for name, one in public.items()
        if (inspect.isclass(one) or inspect.isfunction(one)) and not inspect.getdoc(one)
    ]
    assert silent == []


def test_public_names_are_sorted_and_once() -> None:
    assert pmstore.__all__ == sorted(set(pmstore.__all__))
