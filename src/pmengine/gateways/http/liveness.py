"""Whether the process lives, and whether it takes orders."""

from __future__ import annotations

from pmengine.gateways.http.answers import HealthView, ReadinessView
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.problems import Problem


async def health(call: Call) -> Reply:
    """The process answers."""
    return 200, HealthView(status="alive")


async def ready(call: Call) -> Reply:
    """Orders are taken."""
    certificate, readiness = call.venue.certificate, call.venue.readiness()
    is_ready, reason = readiness if certificate is None else certificate.beside(readiness)
    if not is_ready:
        raise Problem(503, "NOT_READY", reason, headers={b"retry-after": b"1"})
    return 200, ReadinessView(ready=True, reason=reason)
