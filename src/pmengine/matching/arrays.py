"""
Growing arrays of 64-bit integers: vectors where mypyc compiles, plain lists where not.

This module alone is never compiled. mypyc reads the first branch, and makes native code of
these names in the modules that import them; the interpreter runs the second, because a list
is what it is fastest with. Neither needs the other's dependencies.

A sorted array has its own count: a vector may have room to spare behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from librt.vecs import append
    from librt.vecs import vec as Array
    from mypy_extensions import i64

    from pmengine.matching.vectors import find, insert, remove
else:
    from bisect import bisect_left as find

    Array = list
    i64 = int

    def append(values: list[int], value: int) -> list[int]:
        """*values* with *value* behind them; use what is given back."""
        values.append(value)
        return values

    def insert(values: list[int], count: int, place: int, value: int) -> list[int]:
        """*values* with *value* at *place* and the rest behind it; use what is given back."""
        values.insert(place, value)
        return values

    def remove(values: list[int], count: int, place: int) -> None:
        """Take what is at *place* out of *values*."""
        del values[place]


__all__ = ["Array", "append", "find", "i64", "insert", "remove"]
