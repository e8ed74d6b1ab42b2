"""The routes of a gateway behind its guard; a path without parameters is looked up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pmengine.gateways.http.endpoint import Endpoint
from pmengine.gateways.http.problems import PROBLEM_JSON, Problem

NO_PARAMETERS: dict[str, Any] = {}


class Gateway(Starlette):
    """
    An application of *routes*.

    What comes for an operation whose path has no parameters, such as a new order, goes to it
    at once: trying one route after the other would cost more than all that the operation does.

    Args:
        guard: Put before everything.
        advice: Said to who asks for what is not there.
    """

    def __init__(
        self, routes: Sequence[BaseRoute], guard: Callable[[ASGIApp], ASGIApp], advice: str
    ) -> None:
        async def not_found(request: Request, error: Exception) -> Response:
            detail = f"there is nothing at {request.url.path[:128]}; {advice}"
            problem = Problem(404, "NOT_FOUND", detail)
            return Response(problem.encode(), problem.status, media_type=PROBLEM_JSON.decode())

        super().__init__(routes=routes, exception_handlers={HTTPException: not_found})
        self.router.redirect_slashes = False
        self._guarded = guard(self._pass_on)
        self._by_path = {
            route.path: route.endpoint
            for route in routes
            if isinstance(route, Route)
            and isinstance(route.endpoint, Endpoint)
            and not route.param_convertors
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one WebSocket."""
        await self._guarded(scope, receive, send)

    def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            endpoint = self._by_path.get(scope["path"])
            if endpoint is not None:
                scope["path_params"] = NO_PARAMETERS
                answered: Awaitable[None] = endpoint(scope, receive, send)
                return answered
        return super().__call__(scope, receive, send)
