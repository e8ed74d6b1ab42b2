"""What a fill costs its two sides, exactly; pure."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from pmengine.entities import Book, OpenOrder
from pmstore import PAYOUT

_UNIT: Final = 10**10
"""Exact fees are counted in 10^-10 micros: with it no rate and price leaves a remainder."""


def exact_fee(book: Book, ppm: i64, price: i64, lots: i64) -> int:
    """The fee of *lots* at *price* (ticks), in 10^-10 micros; beyond 64 bits for many lots."""
    if book.quadratic:
        return int(ppm) * int(price) * int(PAYOUT - price) * int(lots)
    return int(ppm) * int(min(price, PAYOUT - price)) * int(lots) * 10_000


def micros(exact: int) -> i64:
    """What is paid for exact fees so far: rounded up once, however many fills they are of."""
    return -(-exact // _UNIT)


def needed(order: OpenOrder, price: i64, remaining: i64, ppm: i64) -> i64:
    """What *remaining* lots of an order at *price* can still take from its user."""
    if not order.is_buy:
        return remaining
    book = order.token.book
    if not book.has_fees:
        return price * remaining
    fees = order.fee_exact + exact_fee(book, ppm, price, remaining)
    return price * remaining + micros(fees) - order.fee_paid


def affordable(order: OpenOrder, price: i64, money: i64, lots_max: i64) -> i64:
    """The most lots at *price* that, with their taker's fee, cost at most *money*."""
    lots = min(money // price, lots_max)
    if not order.token.book.has_fees:
        return lots
    ppm = order.token.book.taker_ppm
    if needed(order, price, lots, ppm) <= money:
        return lots
    least: i64 = 0
    while least < lots - 1:
        middle = (least + lots) // 2
        if needed(order, price, middle, ppm) <= money:
            least = middle
        else:
            lots = middle
    return least


def charge(order: OpenOrder, ppm: i64, price: i64, lots: i64) -> i64:
    """Count the fee of a fill; what it adds, in micros, to what the order paid before."""
    book = order.token.book
    if not book.has_fees:
        return 0
    order.fee_exact += exact_fee(book, ppm, price, lots)
    paid = order.fee_paid
    order.fee_paid = micros(order.fee_exact)
    return order.fee_paid - paid
