"""The messages, the methods and the page of the asset service are those of its `.proto`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from google.protobuf.message import Message
from grpc_tools import protoc

from pmengine.gateways.grpc import asset_pb2, redeeming
from pmengine.gateways.grpc.methods import METHODS
from pmengine.gateways.grpc.server import CALLS_MAX, MESSAGE_BYTES_MAX
from pmengine.gateways.http import answers
from pmstore import MatchType, SelfTrade, TimeInForce

ROOT = Path(__file__).parents[2]
ROOM = ROOT / "src/pmengine/gateways/grpc"
PAGE = (ROOT / "docs/reference/asset.md").read_text(encoding="utf-8")
SERVICE = asset_pb2.DESCRIPTOR.services_by_name["Asset"]
pytestmark = pytest.mark.docs


def test_the_generated_code_is_up_to_date(tmp_path: Path) -> None:
    outputs = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    assert protoc.main(["protoc", f"-I{ROOT / 'proto'}", *outputs, "asset.proto"]) == 0
    for made in tmp_path.iterdir():
        assert (ROOM / made.name).read_text() == made.read_text(), (
            "python -m grpc_tools.protoc -Iproto --python_out=src/pmengine/gateways/grpc "
            "--pyi_out=src/pmengine/gateways/grpc proto/asset.proto"
        )


def test_every_method_is_there_with_its_messages() -> None:
    declared = {
        one.name: (one.input_type.full_name, one.output_type.full_name) for one in SERVICE.methods
    }
    assert declared == {
        name: (one.asked.DESCRIPTOR.full_name, one.answered.DESCRIPTOR.full_name)
        for name, one in METHODS.items()
    }


@pytest.mark.parametrize("name", METHODS)
def test_a_message_that_asks_has_the_fields_of_the_operation(name: str) -> None:
    method = METHODS[name]
    schema = method.body or method.parameters
    asked = method.asked.DESCRIPTOR
    assert set(asked.fields_by_name) == set(schema.__struct_fields__)
    assert set(method.needed) <= set(asked.fields_by_name)


@pytest.mark.parametrize(
    ("message", "schema"),
    [
        (asset_pb2.Account, answers.AccountView),
        (asset_pb2.Cash, answers.CashView),
        (asset_pb2.Order, answers.OrderView),
        (asset_pb2.Trade, answers.TradeView),
        (asset_pb2.CancelOrderReply, answers.OneOrder),
        (asset_pb2.RedeemReply, redeeming.Redeemed),
        (asset_pb2.Payout, redeeming.TokenPayout),
    ],
)
def test_a_message_that_answers_has_the_fields_of_what_http_shows(
    message: type[Message], schema: type[msgspec.Struct]
) -> None:
    assert set(message.DESCRIPTOR.fields_by_name) == set(schema.__struct_fields__)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Side", {"buy", "sell"}),
        ("OrderType", {"limit", "market"}),
        ("TimeInForce", {one.value for one in TimeInForce}),
        ("SelfTrade", {one.value for one in SelfTrade}),
        ("OrderStatus", set(get_args(answers.Status))),
        ("MatchType", {one.value for one in MatchType}),
        ("MarketState", {"resolved", "void"}),
    ],
)
def test_an_enum_has_a_number_for_each_word_of_the_api(name: str, words: set[str]) -> None:
    kind = asset_pb2.DESCRIPTOR.enum_types_by_name[name]
    prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
    wanted = {f"{prefix}_{word.upper()}" for word in words}
    assert set(kind.values_by_name) == wanted | {f"{prefix}_UNSPECIFIED"}


def test_every_method_is_documented_with_its_scope() -> None:
    rows = re.findall(r"^\| `([A-Z]\w+)` \|.*\| (\w+) \|$", PAGE, re.M)
    assert dict(rows) == {name: one.scope.value for name, one in METHODS.items()}


def test_limits_codes_and_statuses_are_documented() -> None:
    assert f"beyond {MESSAGE_BYTES_MAX:,} bytes" in PAGE
    assert f"{CALLS_MAX:,} calls" in PAGE
    source = "".join(one.read_text() for one in ROOM.glob("[a-z]*.py") if "pb2" not in one.name)
    codes = set(re.findall(r'(?:40\d|422|503), "([A-Z_]+)"', source))
    assert {"MARKET_NOT_RESOLVED", "FOREIGN_ADDRESS"} <= codes
    assert {code for code in codes if f"`{code}`" not in PAGE} == set()
    statuses = set(re.findall(r"StatusCode\.([A-Z_]+)", source))
    assert len(statuses) == 10
    assert {name for name in statuses if f"`{name}`" not in PAGE} == set()
