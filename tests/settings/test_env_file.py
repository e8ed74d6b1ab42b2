"""A `.env` file means what it says, and a line that says nothing is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmstore.settings.env_file import read_env_file


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("  A = 1  ", "1"),
        ("export A=1", "1"),
        ("A=", ""),
        ("A=  # nothing", ""),
        ("A=x # comment", "x"),
        ("A=x#y", "x#y"),
        ("A=a b", "a b"),
        ("A=a=b", "a=b"),
        ("A=it's", "it's"),
        ("A='x # y'", "x # y"),
        ("A='a\\nb'", "a\\nb"),
        ('A="x # y" # comment', "x # y"),
        ('A="a\\n\\"b\\" \\\\ \\$c"', 'a\n"b" \\ $c'),
        ("A=$HOME", "$HOME"),
        ("A=''", ""),
        ("A=memory://?recent=1000 > file:trades.log", "memory://?recent=1000 > file:trades.log"),
        ("A=redis://:p%23w@host/0", "redis://:p%23w@host/0"),
    ],
)
def test_a_line_gives_its_value(tmp_path: Path, line: str, value: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# first\n\n{line}\n")
    assert read_env_file(file) == ({"A": value}, [])


@pytest.mark.parametrize(
    "line", ["A", "A 1", "=1", "1A=2", "A='x", 'A="x', "A='x'y", "A-B=1", 'A="x" y']
)
def test_a_malformed_line_is_named_without_its_content(tmp_path: Path, line: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"B=1\n{line}\nC=2\n")
    values, problems = read_env_file(file)
    assert values == {"B": "1", "C": "2"}
    assert problems == [f"{file}:2: expected NAME=value, with quotes closed"]


def test_a_name_that_is_given_twice_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=1\nA=2\n")
    assert read_env_file(file)[1] == [f"{file}:2: A is given twice"]


def test_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"\xef\xbb\xbfA=1\r\nB='2'\r\n")
    assert read_env_file(file) == ({"A": "1", "B": "2"}, [])


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"A=\xff\xfe\n")
    assert read_env_file(file) == ({}, [f"{file}: is not UTF-8"])
    assert "cannot be read" in read_env_file(tmp_path)[1][0]
