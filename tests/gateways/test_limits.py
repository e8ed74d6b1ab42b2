"""Nobody asks more than the limits say, and counting it takes a bounded amount of memory."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmengine.gateways.auth import Buckets, Limits, NotAdmitted, Origins, parse_networks


@attrs.define
class Clock:
    """Seconds, set by hand."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_full_bucket_gives_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    buckets = Buckets(2, 5, clock)
    assert [buckets.take("u") for _ in range(5)] == [0.0] * 5
    assert buckets.take("u") == pytest.approx(0.5)
    clock.now_s += 0.5
    assert buckets.take("u") == 0.0
    assert buckets.take("u") == pytest.approx(0.5)
    clock.now_s += 100
    assert [buckets.take("u") for _ in range(5)] == [0.0] * 5
    assert buckets.take("u") > 0


def test_one_key_costs_no_other_anything() -> None:
    buckets = Buckets(1, 1, Clock())
    assert buckets.take("u1") == 0.0
    assert buckets.take("u1") > 0
    assert buckets.take("u2") == 0.0


def test_who_is_refused_loses_nothing_by_it() -> None:
    clock = Clock()
    buckets = Buckets(1, 1, clock)
    buckets.take("u")
    for _ in range(100):
        assert buckets.take("u") == pytest.approx(1.0)
    clock.now_s += 1
    assert buckets.take("u") == 0.0


@given(
    rate=st.integers(1, 50),
    burst=st.integers(1, 20),
    steps=st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 4000), st.integers(1, 30)), max_size=80
    ),
)
def test_buckets_give_what_counted_tokens_give(
    rate: int, burst: int, steps: list[tuple[str, int, int]]
) -> None:
    clock = Clock(0.0)
    buckets = Buckets(rate, burst, clock)
    now_ms = 0
    # Thousandths of a token, so that the model is exact.
    tokens = {"a": burst * 1000, "b": burst * 1000}
    for key, later_ms, wanted in steps:
        now_ms += later_ms
        clock.now_s = now_ms / 1000
        tokens = {one: min(burst * 1000, held + rate * later_ms) for one, held in tokens.items()}
        wait_s = buckets.take(key, wanted)
        needed = min(wanted, burst) * 1000
        if tokens[key] >= needed:
            assert wait_s == 0.0
            tokens[key] -= needed
        else:
            assert wait_s == pytest.approx((needed - tokens[key]) / rate / 1000, abs=1e-5)


def test_buckets_are_forgotten_once_they_are_full_again() -> None:
    clock = Clock()
    buckets = Buckets(10, 100, clock)
    for number in range(1000):
        buckets.take(str(number))
    for _ in range(2):
        clock.now_s += 10.1
        buckets.take("later")
    assert len(buckets) <= 2


def test_more_keys_than_there_is_room_for_take_no_more_room() -> None:
    buckets = Buckets(1, 1000, Clock(), buckets_max=100)
    for number in range(10_000):
        buckets.take(str(number))
        assert len(buckets) <= 200


def limited() -> Limits:
    clock = Clock()
    return Limits(
        users=Buckets(0.25, 1, clock),
        addresses=Buckets(1, 2, clock),
        sockets_max=2,
        origins=Origins(parse_networks("10.0.0.0/8")),
    )


def test_a_refusal_says_when_to_come_back() -> None:
    limits = limited()
    limits.take_user("u")
    with pytest.raises(NotAdmitted) as caught:
        limits.take_user("u")
    assert (caught.value.status, caught.value.code) == (429, "TOO_MANY_REQUESTS")
    assert caught.value.retry_after_s == 4


def test_addresses_are_counted_by_themselves() -> None:
    limits = limited()
    limits.take_address("192.0.2.1")
    limits.take_address("192.0.2.1")
    with pytest.raises(NotAdmitted):
        limits.take_address("192.0.2.1")
    limits.take_address("192.0.2.2")


def test_open_sockets_are_counted_until_they_close() -> None:
    limits = limited()
    first = limits.open_socket("192.0.2.1")
    limits.open_socket("192.0.2.1")
    with pytest.raises(NotAdmitted, match="2 WebSockets"):
        limits.open_socket("192.0.2.1")
    limits.open_socket("192.0.2.2")
    first()
    limits.open_socket("192.0.2.1")


def test_nothing_is_counted_without_limits() -> None:
    limits = Limits()
    for _ in range(10_000):
        limits.take_user("u")
        limits.take_address("192.0.2.1")
        limits.open_socket("192.0.2.1")


ORIGINS = [
    # (peer, X-Forwarded-For, origin) with 10.0.0.0/8 and fd00::/8 trusted
    ("192.0.2.1", b"", "192.0.2.1"),
    ("192.0.2.1", b"203.0.113.9", "192.0.2.1"),
    ("10.0.0.1", b"203.0.113.9", "203.0.113.9"),
    ("10.0.0.1", b"198.51.100.1, 203.0.113.9", "203.0.113.9"),
    ("10.0.0.1", b"198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
    ("10.0.0.1", b"", "10.0.0.1"),
    ("10.0.0.1", b"nobody", "10.0.0.1"),
    ("10.0.0.1", b"198.51.100.1, nobody", "10.0.0.1"),
    ("10.0.0.1", b"198.51.100.1, nobody, 10.0.0.2", "10.0.0.2"),
    ("10.0.0.1", b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
    ("::ffff:10.0.0.1", b"203.0.113.9", "203.0.113.9"),
    ("fd00::1", b"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("2001:db8:1:2::7", b"203.0.113.9", "2001:db8:1:2::/64"),
    ("::ffff:192.0.2.1", b"", "192.0.2.1"),
    ("10.0.0.1", b"," * 10_000, "10.0.0.1"),
    ("", b"", ""),
]


@pytest.mark.parametrize(("peer", "forwarded_for", "origin"), ORIGINS)
def test_a_proxy_is_believed_only_if_it_is_trusted(
    peer: str, forwarded_for: bytes, origin: str
) -> None:
    trusted = Origins(parse_networks("10.0.0.0/8, fd00::/8"))
    assert trusted.of(peer, forwarded_for) == origin


def test_nobody_is_believed_by_default() -> None:
    assert Origins().of("10.0.0.1", b"203.0.113.9") == "10.0.0.1"
