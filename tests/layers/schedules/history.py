"""What the truth held when, and whether an answer is one that it may have given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pmstore.models.order import Order

MAX_AGE_S = 1.0
"""Rule 11: how old an answer may be about what others wrote."""


class Stale(AssertionError):
    """An answer that the law of layered stores forbids."""


class History:
    """For each key the versions that the truth held, 0 for none, each with its time."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._held: dict[str, list[tuple[float, int]]] = {}
        self._removed: dict[str, int] = {}

    def note(
        self,
        keys: Sequence[str],
        found: Mapping[str, Order],
        *,
        removed: Sequence[tuple[str, int]] = (),
    ) -> None:
        """
        The truth holds this of *keys* now, after it removed these through these versions.

        Raises:
            Stale: It holds a version that was removed.
        """
        for key, through in removed:
            self._removed[key] = max(through, self._removed.get(key, 0))
        for key in keys:
            held = self._held.setdefault(key, [(0.0, 0)])
            version = found[key].version if key in found else 0
            if 0 < version <= self._removed.get(key, 0):
                raise Stale(f"the truth holds version {version} of {key}, which was removed")
            if held[-1][1] != version:
                held.append((self._now_s(), version))

    def position(self, key: str) -> int:
        """How many states of *key* there were so far, the one it has now included."""
        return len(self._held.get(key, [(0.0, 0)]))

    def check(
        self, who: str, key: str, answer: int, *, own: int, began_s: float, began_at: int
    ) -> None:
        """
        Refuse an answer that no state since `MAX_AGE_S` before the call can have been.

        Args:
            answer: The version answered, 0 for none.
            own: The position in the history that the process itself was told of.
            began_s: When the call began.
            began_at: The position in the history then.
        """
        held = self._held.get(key, [(0.0, 0)])
        first = own
        for at in range(own, began_at):
            # The state after the one at `at` - 1 ... was there before the bound: this one is over.
            if at + 1 < len(held) and held[at + 1][0] < began_s - MAX_AGE_S:
                first = at + 1
        allowed = {version for _, version in held[first:]}
        if answer not in allowed:
            raise Stale(
                f"{who} was answered version {answer} of {key} in a call of {began_s:.3f}; "
                f"allowed was {sorted(allowed)} of {held}"
            )
