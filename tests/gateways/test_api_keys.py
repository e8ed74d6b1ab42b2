"""API keys: made once, kept as hashes, and of no use once they are revoked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import attrs
import pytest
from typer.testing import CliRunner, Result

from pmengine.cli.application import application
from pmengine.cli.exits import Exit
from pmengine.gateways.auth import (
    KEY_STREAM,
    KeyCreated,
    KeyRevoked,
    KeyRing,
    Scope,
    digest_of,
    encode_record,
    new_key,
)
from pmengine.processes.key_desk import create_key, list_keys, revoke_key
from pmstore import SettingsError, StoreUnavailable, Stream, open_stream
from tests.deploy.files import outside
from tests.gateways.exchange import settings


@attrs.define
class Clock:
    """Seconds, set by hand."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@attrs.define
class Place:
    """A stream of keys, a ring that follows it, and the ring's clock."""

    stream: Stream
    ring: KeyRing
    clock: Clock
    answers: bool = True
    opened: int = 0

    async def create(self, user: str = "u1") -> tuple[str, str]:
        key_id, text = new_key()
        record = KeyCreated(
            id=key_id,
            user_id=user,
            scopes=(Scope.READ,),
            digest=digest_of(text),
            created_ms=1,
        )
        await self.stream.append([encode_record(record)])
        return key_id, text

    async def revoke(self, key_id: str) -> None:
        await self.stream.append([encode_record(KeyRevoked(id=key_id, revoked_ms=2))])


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    clock = Clock()
    async with open_stream("memory://", KEY_STREAM) as stream:

        @asynccontextmanager
        async def opening() -> AsyncIterator[Stream]:
            if not there.answers:
                raise StoreUnavailable("nobody answers")
            there.opened += 1
            yield stream
            there.opened -= 1

        there = Place(stream, KeyRing(opening, max_age_s=10, now=clock), clock)
        yield there
        await there.ring.close()
        assert not there.opened


async def test_a_key_counts_once_it_was_heard_of_and_says_whose_it_is(place: Place) -> None:
    _, text = await place.create("u1")
    assert place.ring.find(text) is None
    await place.ring.look()
    caller = place.ring.find(text)
    assert caller is not None
    assert (caller.user_id, caller.scopes) == ("u1", {Scope.READ})


async def test_a_revoked_key_counts_no_more_once_it_was_heard_of(place: Place) -> None:
    key_id, text = await place.create()
    await place.ring.look()
    assert place.ring.has(key_id)
    await place.revoke(key_id)
    await place.ring.look()
    assert place.ring.find(text) is None
    assert not place.ring.has(key_id)


async def test_a_revocation_is_never_taken_back(place: Place) -> None:
    key_id, text = new_key()
    await place.revoke(key_id)
    created = KeyCreated(
        id=key_id, user_id="u1", scopes=(Scope.READ,), digest=digest_of(text), created_ms=3
    )
    for _ in range(2):
        await place.stream.append([encode_record(created)])
    await place.ring.look()
    assert place.ring.find(text) is None


async def test_nobody_takes_over_a_key_by_creating_its_id_again(place: Place) -> None:
    key_id, text = await place.create("u1")
    _, theirs = new_key()
    again = KeyCreated(
        id=key_id, user_id="u2", scopes=tuple(Scope), digest=digest_of(theirs), created_ms=3
    )
    await place.stream.append([encode_record(again)])
    await place.ring.look()
    caller = place.ring.find(text)
    assert caller is not None
    assert caller.user_id == "u1"


async def test_no_other_text_counts_than_the_whole_key(place: Place) -> None:
    key_id, text = await place.create()
    _, other = new_key()
    await place.ring.look()
    last = "A" if text[-1] != "A" else "B"
    for wrong in (
        "",
        "pmk_",
        text[:-1],
        text + "A",
        text + "\n",
        text[:-1] + last,
        text.upper(),
        other,
        f"pmk_{key_id}_{other.rpartition('_')[2]}",
        digest_of(text),
        "é" * 64,
    ):
        assert place.ring.find(wrong) is None


async def test_keys_are_stale_when_their_stream_was_not_heard_for_too_long(place: Place) -> None:
    key_id, _ = await place.create()
    assert not place.ring.is_fresh
    await place.ring.look()
    assert place.ring.is_fresh
    place.clock.now_s = 10
    assert place.ring.is_fresh
    place.clock.now_s = 10.1
    assert not place.ring.is_fresh
    assert not place.ring.has(key_id)
    await place.ring.look()
    assert place.ring.is_fresh


async def test_a_stream_that_does_not_answer_makes_nothing_fresh(place: Place) -> None:
    place.answers = False
    with pytest.raises(StoreUnavailable):
        await place.ring.look()
    assert not place.ring.is_fresh


async def test_a_stream_that_failed_is_opened_again_and_gone_on_with(place: Place) -> None:
    key_id, text = await place.create()
    await place.ring.look()
    await place.ring.close()
    await place.revoke(key_id)
    await place.ring.look()
    assert place.ring.find(text) is None
    assert place.opened == 1


async def test_an_entry_that_cannot_be_read_hides_no_other(place: Place) -> None:
    await place.stream.append([b"{}", b"no JSON", b'{"types":"KeyMelted","id":"x"}'])
    _, text = await place.create()
    await place.ring.look()
    assert place.ring.find(text) is not None


async def test_no_stream_yet_means_no_key_yet() -> None:
    ring = KeyRing(lambda: nullcontext(None), max_age_s=10, now=Clock())
    await ring.look()
    assert ring.is_fresh
    assert ring.find(new_key()[1]) is None


def test_keys_are_long_different_and_of_one_form() -> None:
    made = [new_key() for _ in range(1000)]
    assert len({key_id for key_id, _ in made}) == len({text for _, text in made}) == 1000
    for key_id, text in made:
        assert re.fullmatch(rf"pmk_{key_id}_[A-Za-z0-9_-]{{43}}", text)


async def test_what_is_kept_is_a_hash(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    key, text = await create_key(chosen, "u1", {Scope.TRADE})
    secret = text.rpartition("_")[2]
    kept = b"".join(one.read_bytes() for one in tmp_path.rglob("*") if one.is_file())
    assert digest_of(text).encode() in kept
    assert text.encode() not in kept
    assert secret.encode() not in kept
    assert key.digest not in repr(key)


async def test_keys_are_listed_and_revoked_once(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    assert await list_keys(chosen) == []
    assert await revoke_key(chosen, "0" * 16) is None
    first, _ = await create_key(chosen, "u1", {Scope.TRADE})
    second, _ = await create_key(chosen, "u2", {Scope.READ, Scope.ADMIN})
    assert {one.id for one in await list_keys(chosen)} == {first.id, second.id}
    revoked = await revoke_key(chosen, first.id)
    assert revoked is not None
    assert revoked.revoked_ms is not None
    assert await revoke_key(chosen, first.id) == revoked
    assert await list_keys(chosen) == sorted(
        [revoked, second], key=lambda one: (one.created_ms, one.id)
    )


async def test_keys_need_a_place_that_outlives_the_process(tmp_path: Path) -> None:
    chosen = settings(tmp_path, PMSTORE_STREAMS_URL="memory://")
    with pytest.raises(SettingsError, match="ends with its process"):
        await create_key(chosen, "u1", {Scope.READ})


def pmengine(*words: str, code: Exit = Exit.FINE) -> Result:
    """`pmengine key` on the data in the working directory; it must end with *code*."""
    ran = CliRunner().invoke(application, ["key", *words], env={"COLUMNS": "120"})
    assert ran.exit_code == code, (ran.output, ran.exception)
    return ran


def document(*words: str) -> Any:
    return json.loads(pmengine(*words, "--json").stdout)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of commands, with no settings."""
    for name in set(os.environ) - set(outside()):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_command_shows_a_key_once_and_revokes_it() -> None:
    made = pmengine("create", "alice", "--scope", "trade")
    key = made.stdout.strip()
    key_id = key.split("_")[1]
    secret = key.removeprefix(f"pmk_{key_id}_")
    assert secret not in made.stderr
    listed = document("list")
    assert [(one["id"], one["user_id"], one["scopes"]) for one in listed] == [
        (key_id, "alice", ["trade"])
    ]
    assert listed[0]["revoked_ms"] is None
    assert document("revoke", key_id)["revoked_ms"] >= listed[0]["created_ms"]
    table = pmengine("list").stdout
    assert key_id in table
    assert secret not in table + json.dumps(listed)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("create", "alice"), Exit.USAGE, "--scope"),
        (("create", "alice", "--scope", "all"), Exit.USAGE, "read, trade, admin"),
        (("create", "../x", "--scope", "read"), Exit.USAGE, "1..64"),
        (("revoke", "absent"), Exit.ABSENT, "no key absent"),
    ],
)
def test_the_command_says_what_it_cannot_do(words: tuple[str, ...], code: Exit, says: str) -> None:
    assert says in pmengine(*words, code=code).stderr
