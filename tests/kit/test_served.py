"""The kit tells a sound store on sockets from those with a bug."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pmstore.testing import ClauseBroken, Rig, conformance, order_store_clauses
from pmstore.testing.planted.served import OrderServer
from pmstore.testing.planted.served_bugs import SERVED_BUGS, served_rig


@pytest.fixture(scope="module")
def server() -> Iterator[OrderServer]:
    with OrderServer() as one:
        yield one


@pytest.fixture
def sound(server: OrderServer) -> Rig[Any]:
    return served_rig("ServedOrderStore", server)


test_a_sound_store_keeps_every_law = conformance(order_store_clauses, "sound")


@pytest.mark.parametrize(("store", "caught_by"), SERVED_BUGS, ids=lambda text: text)
def test_every_planted_bug_is_caught_by_its_clause(
    store: str, caught_by: str, server: OrderServer, tmp_path: Path
) -> None:
    (clause,) = [clause for clause in order_store_clauses if clause.name == caught_by]
    with pytest.raises(ClauseBroken, match=caught_by):
        clause.check(served_rig(store, server), tmp_path)
