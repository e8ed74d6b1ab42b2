"""The reference pages of the gateways and the code say the same."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from pmengine.facts import Refusal
from pmengine.gateways.http.api import OPERATIONS, PREFIX
from pmengine.gateways.websocket import (
    connection,
    messages,
    subscription,
    user_connection,
    user_messages,
    user_subscription,
)
from pmengine.services.user_feed import UPDATES_KEPT_MAX

pytestmark = pytest.mark.docs
ROOT = Path(__file__).parents[2]
HTTP = (ROOT / "docs/reference/http-api.md").read_text(encoding="utf-8")
SOCKET, USER_SOCKET = (
    (ROOT / "docs/reference/websocket.md").read_text(encoding="utf-8").split("\n## User\n")
)
SOURCE = ROOT / "src/pmengine/gateways"
_CODE = re.compile(r"[A-Z]{3,}(_[A-Z]+)*")


def test_every_operation_is_in_the_table_and_nothing_else() -> None:
    documented = set(re.findall(r"^\| `((?:GET|POST|PATCH|DELETE) /[^`]*)` \|", HTTP, re.M))
    known = {f"{one.method} {one.path if one.outside else PREFIX + one.path}" for one in OPERATIONS}
    assert documented == known | {"GET /metrics", "GET /status"}


def codes_of(folder: str, *called: str) -> set[str]:
    """The codes that calls of *called* name in the sources of *folder*."""
    found: set[str] = set()
    for path in (SOURCE / folder).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in called:
                texts = [one.value for one in node.args if isinstance(one, ast.Constant)]
                found |= {one for one in map(str, texts) if _CODE.fullmatch(one)}
    return found


def test_every_problem_is_documented() -> None:
    codes = codes_of("http", "Problem", "_not_taken", "_unknown")
    assert {"NOT_TAKEN", "OUTCOME_UNKNOWN", "METHOD_NOT_ALLOWED", "DONE_NOT_SHOWN"} <= codes
    assert {code for code in codes if f"`{code}`" not in HTTP} == set()


@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_is_documented(refusal: Refusal) -> None:
    assert f"`{refusal.name}`" in HTTP


def test_every_message_error_and_limit_of_the_socket_is_documented() -> None:
    codes = codes_of("websocket", "Error", "SubscribeError", "UnsubscribeError")
    assert len(codes) >= 4
    assert {code for code in codes if f"`{code}`" not in SOCKET} == set()
    tags = re.findall(r'tag="(\w+)"', (SOURCE / "websocket/messages.py").read_text())
    assert len(tags) == 13
    assert {tag for tag in tags if f'"{tag}"' not in SOCKET and f"`{tag}`" not in SOCKET} == set()
    assert f"{connection.SUBSCRIPTIONS_MAX} subscriptions" in SOCKET
    assert f"{subscription.MERGED_LEVELS_MAX} levels" in SOCKET
    assert f"{subscription.MERGED_TRADES_MAX} trades" in SOCKET


@pytest.mark.parametrize("kind", [messages.Snapshot, messages.Delta])
def test_the_shown_messages_are_of_their_schemas(kind: type) -> None:
    blocks = re.findall(r"^```json\n(.*?)^```$", SOCKET, re.M | re.S)
    tag = kind.__struct_config__.tag  # type: ignore[attr-defined]
    shown = [json.loads(block) for block in blocks if json.loads(block)["type"] == tag]
    assert len(shown) == 1
    assert msgspec.to_builtins(msgspec.convert(shown[0], kind)) == shown[0]


def test_every_message_code_and_limit_of_the_user_socket_is_documented() -> None:
    source = (SOURCE / "websocket/user_connection.py").read_text()
    codes = set(re.findall(r'_send_away\("([A-Z_]+)"', source))
    assert codes == {"AUTH_TIMEOUT", "NOT_VALID", "SCOPE_MISSING"}
    assert {code for code in codes if f"`{code}`" not in USER_SOCKET} == set()
    tags = re.findall(r'tag="(\w+)"', (SOURCE / "websocket/user_messages.py").read_text())
    assert len(tags) == 6
    assert {
        tag for tag in tags if f'"{tag}"' not in USER_SOCKET and f"`{tag}`" not in USER_SOCKET
    } == set()
    reasons = get_args(user_messages.Reason)
    assert re.findall(r"^\| `(\w+)` \|", USER_SOCKET, re.M) == list(reasons)
    feed = (ROOT / "src/pmengine/services/user_pictures.py").read_text()
    events = set(re.findall(r'"((?:open_order|position)_\w+)"', feed))
    assert len(events) == 7
    assert {event for event in events if f"`{event}`" not in USER_SOCKET} == set()
    assert f"more than {user_subscription.BEHIND_MAX} changes" in USER_SOCKET
    assert f"within {user_connection.AUTH_S_MAX:g} seconds" in USER_SOCKET
    assert f"within {user_connection.VALID_S:g} seconds" in USER_SOCKET
    assert f"{user_subscription.PART_ROWS_MAX} orders" in USER_SOCKET
    assert f"{UPDATES_KEPT_MAX:,} of all" in USER_SOCKET


@pytest.mark.parametrize(
    "kind",
    [
        user_messages.Auth,
        user_messages.OpenOrderChange,
        user_messages.PositionChange,
        user_messages.Resumed,
        user_messages.UserSnapshot,
    ],
)
def test_the_shown_messages_of_the_user_socket_are_of_their_schemas(kind: type) -> None:
    blocks = re.findall(r"^```json\n(.*?)^```$", USER_SOCKET, re.M | re.S)
    tag = kind.__struct_config__.tag  # type: ignore[attr-defined]
    shown = [json.loads(block) for block in blocks if json.loads(block)["type"] == tag]
    assert len(shown) == 1
    assert msgspec.to_builtins(msgspec.convert(shown[0], kind)) == shown[0]
