"""What compiled code does to sorted vectors where the interpreter has `bisect` and lists."""

from __future__ import annotations

from pmengine.matching.arrays import Array, append, i64


def find(values: Array[i64], value: i64, low: i64, high: i64) -> i64:
    """The place between *low* and *high* of the first that is not below *value*; O(log n)."""
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


def insert(values: Array[i64], count: i64, place: i64, value: i64) -> Array[i64]:
    """
    The first *count* of *values* with *value* at *place*, the rest behind it.

    Use what is given back: the vector may have moved. O(count) words are moved.
    """
    if count == len(values):
        values = append(values, value)
    while count > place:
        values[count] = values[count - 1]
        count -= 1
    values[place] = value
    return values


def remove(values: Array[i64], count: i64, place: i64) -> None:
    """Take what is at *place* out of the first *count* of *values*; O(count) words are moved."""
    count -= 1
    while place < count:
        values[place] = values[place + 1]
        place += 1
