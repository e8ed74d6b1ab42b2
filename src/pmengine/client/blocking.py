"""Makes of the calls of `Client` the same calls without `await`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from pmengine.client.loop_thread import LoopThread

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A", covariant=True)
C = TypeVar("C")


class Blocking(Protocol[A]):
    """Something asynchronous, and the thread on which its calls are made."""

    @property
    def _awaited(self) -> A: ...

    @property
    def _thread(self) -> LoopThread: ...


def blocking(
    method: Callable[Concatenate[C, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Blocking[C], P], T]:
    """*method* as one that waits for its answer."""

    @wraps(method)
    def call(self: Blocking[C], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._thread.run(method(self._awaited, *args, **kwargs))

    return call


def iterating(
    method: Callable[Concatenate[C, P], AsyncIterator[T]],
) -> Callable[Concatenate[Blocking[C], P], Iterator[T]]:
    """*method* as one whose items are waited for, one after the other."""

    @wraps(method)
    def call(self: Blocking[C], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        async def begin() -> AsyncIterator[T]:
            return method(self._awaited, *args, **kwargs)

        return _each(self._thread, self._thread.run(begin()))

    return call


def reading(method: Callable[Concatenate[C, P], T]) -> Callable[Concatenate[Blocking[C], P], T]:
    """*method*, which waits for nothing, as one that is called where its data changes."""

    @wraps(method)
    def call(self: Blocking[C], /, *args: P.args, **kwargs: P.kwargs) -> T:
        async def read() -> T:
            return method(self._awaited, *args, **kwargs)

        return self._thread.run(read())

    return call


def _each(thread: LoopThread, items: AsyncIterator[T]) -> Iterator[T]:
    async def after() -> T:
        return await anext(items)

    while True:
        try:
            item = thread.run(after())
        except StopAsyncIteration:
            return
        yield item
