"""Whether an entry of the log goes on from the one before; pure."""

from __future__ import annotations

from collections.abc import Iterator

from pmengine.invariants import Law, Violation
from pmengine.services.log import Place
from pmstore import Batch, State


def chain_violation(place: Place, batch: Batch) -> str | None:
    """Why *batch*, which leaves no number out, does not continue *place*; None if it does."""
    if batch.number <= place.number:
        return f"entry {batch.number} follows entry {place.number}"
    if batch.prev_hash == place.hash:
        return None
    return (
        f"entry {batch.number} continues {batch.prev_hash[:12]}…, and entry {place.number} before "
        f"it has the hash {place.hash[:12]}…"
    )


def forward_violations(state: State, epoch: int, batch: Batch) -> Iterator[Violation]:
    """What goes back from *state* to *batch*; *epoch* is the highest that wrote before."""

    def back(text: str) -> Violation:
        return Violation(Law.FORWARD, f"entry {batch.number}", text)

    if batch.time < state.time_ms:
        yield back(f"engine time {batch.time} comes after {state.time_ms}")
    if batch.epoch < epoch:
        yield back(f"epoch {batch.epoch} comes after {epoch}")
    for name, position in (state.input_position or {}).items():
        now = batch.input.get(name)
        if now is None or now < position:
            yield back(f"{name} is consumed through {now} after {position}")
