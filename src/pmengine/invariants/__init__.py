"""What must hold after every command (section 8 of the domain's rules), said as checks; pure."""

from pmengine.invariants.following import Breach, Watch
from pmengine.invariants.ladders import engine_violations
from pmengine.invariants.laws import Law, Violation
from pmengine.invariants.standing import state_checks, state_violations
from pmengine.invariants.trades import trade_violations

__all__ = [
    "Breach",
    "Law",
    "Violation",
    "Watch",
    "engine_violations",
    "state_checks",
    "state_violations",
    "trade_violations",
]
