"""The rules of the model, each of which can be switched off, and the code that keeps it."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Rules:
    """Which of the rules hold; each is switched off in a test of its own."""

    # R1, the chain: `pmengine.services.engine`, `pmengine.services.log`, `Stream.append`.
    appends_name_the_head: bool = True
    own_batch_is_success: bool = True
    readers_check_the_chain: bool = True
    answers_follow_the_log: bool = True
    # R2, positions: `EngineService._publish`, `pmstore.State.freeze`.
    positions_with_the_facts: bool = True
    every_position_in_every_batch: bool = True
    positions_in_snapshots: bool = True
    # R3, foldable: `pmstore.State`, `pmengine.engine`.
    ids_are_facts: bool = True
    refusals_are_facts: bool = True
    # R4, snapshots: `SnapshotStore.save` and `prune`, `pmengine.services.store`.
    snapshots_are_read_back: bool = True
    two_snapshots_before_trimming: bool = True
    snapshots_of_lost_entries_do_not_count: bool = True
    # R5, start: `pmengine.services.recovery`, `EngineService.run`, `pmengine.processes.engine`.
    # Leaders do not look for snapshots: a standby that could need one starts anew (`WasAway`).
    snapshots_lie_on_the_log: bool = True
    lost_tails_are_prefixes: bool = True
    goes_on_above_the_snapshot: bool = True
    restored_has_the_next_number: bool = True
    leaders_look_for_snapshots: bool = True
    inputs_reach_the_position: bool = True
    fresh_inputs_begin_behind: bool = True
    # R6, publishing: `EngineService._append`, `EngineService._dead_letter`.
    never_ahead_of_the_log: bool = True
    unreadable_input_is_answered: bool = True
    # R7, projections: `pmengine.services.relay`.
    targets_say_how_far_they_are: bool = True
    targets_are_appended_behind_their_last: bool = True
    # R8, lease: `pmengine.processes.engine`, `Lease`, `Stream.append`.
    epochs_grow: bool = True
    lower_epochs_are_fenced: bool = True
    lease_then_log: bool = True
    # Trimming: `pmengine.services.store`, `pmengine.services.notes`.
    log_is_kept_for_projections: bool = True
    log_is_kept_from_the_oldest_snapshot: bool = True
    inputs_are_kept_from_the_oldest_snapshot: bool = True
