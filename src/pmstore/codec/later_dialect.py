"""The later dialect of the sources, translated into the dialect of the snapshot file."""

from __future__ import annotations

from typing import Any, Final

_ORDER_WORDS: Final[dict[str, dict[str, str]]] = {
    "side": {"buy": "Buy", "sell": "Sell"},
    "order_type": {"limit": "Limit", "market": "Market"},
    "status": {
        "new": "New",
        "partially_filled": "PartiallyFilled",
        "filled": "Filled",
        "cancelled": "Cancelled",
        "rejected": "Rejected",
    },
}


def translate_order(document: Any) -> Any:
    """
    The same order in the words of the snapshot file.

    `order_id` becomes `id`, the small words the capitalised ones, a number that names a
    user or an order its decimal text. What is in the earlier dialect already stays.
    """
    if not isinstance(document, dict):
        return document
    order = dict(document)
    if "id" not in order and "order_id" in order:
        order["id"] = order.pop("order_id")
    for name in ("id", "user_id"):
        if type(order.get(name)) is int:
            order[name] = str(order[name])
    for name, words in _ORDER_WORDS.items():
        word = order.get(name)
        if isinstance(word, str):
            order[name] = words.get(word, word)
    return order
