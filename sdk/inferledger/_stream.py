"""Streams that are read on the way to their consumer.

A tracked stream behaves as the one it wraps: other attributes reach through, `isinstance` holds,
closing it early or dropping it ends the call as cancelled.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from inferledger._call import Call, leave

Chunk = TypeVar("Chunk")
Sent = TypeVar("Sent")
Result = TypeVar("Result")
Source = TypeVar("Source")
Raised = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


def drive(call: Call, source: Generator[Chunk, Sent, Result]) -> Generator[Chunk, Sent, Result]:
    """Run a generator as a tracked call, passing on what is sent, thrown and returned."""
    call.start()
    resume: Callable[[Any], Chunk] = source.send
    value: Any = None
    try:
        while True:
            token = call.enter()
            try:
                chunk = resume(value)
            finally:
                leave(token)
            call.chunk(chunk)
            try:
                resume, value = source.send, (yield chunk)
            except GeneratorExit:
                source.close()
                raise
            except BaseException as error:
                resume, value = source.throw, error
    except StopIteration as stop:
        call.exhausted()
        call.response(stop.value)
        call.end()
        return cast("Result", stop.value)
    except BaseException as error:
        call.fail(error)
        raise


async def drive_async(
    call: Call, source: AsyncGenerator[Chunk, Sent]
) -> AsyncGenerator[Chunk, Sent]:
    """Run an asynchronous generator as a tracked call."""
    call.start()
    resume: Callable[[Any], Awaitable[Chunk]] = source.asend
    value: Any = None
    try:
        while True:
            token = call.enter()
            try:
                chunk = await resume(value)
            finally:
                leave(token)
            call.chunk(chunk)
            try:
                resume, value = source.asend, (yield chunk)
            except GeneratorExit:
                await source.aclose()
                raise
            except BaseException as error:
                resume, value = source.athrow, error
    except StopAsyncIteration:
        call.exhausted()
        call.end()
    except BaseException as error:
        call.fail(error)
        raise


class StandIn(Generic[Source]):
    """What stands in for a client's stream: it passes for it, and ends its call once."""

    def __init__(self, call: Call, source: Source, *, ends_call: bool) -> None:
        self._call = call
        self._source = source
        self._ends_call = ends_call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self._source)

    def __del__(self) -> None:
        self._abandon()

    def _finish(self) -> None:
        self._call.exhausted()
        if self._ends_call:
            self._call.end()

    def _abandon(self) -> None:
        if self._ends_call:
            self._call.fail(GeneratorExit())


class TrackedStream(StandIn[Iterable[Chunk]], Generic[Chunk]):
    """A stream that a client returned, read chunk by chunk while someone consumes it."""

    def __init__(self, call: Call, source: Iterable[Chunk], *, ends_call: bool = True) -> None:
        super().__init__(call, source, ends_call=ends_call)
        self._chunks: Iterator[Chunk] | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Chunk:
        token = self._call.enter()
        try:
            if self._chunks is None:
                self._chunks = iter(self._source)
            chunk = next(self._chunks)
        except StopIteration:
            self._finish()
            raise
        except BaseException as error:
            self._call.fail(error)
            raise
        finally:
            leave(token)
        self._call.chunk(chunk)
        return chunk

    def close(self) -> None:
        """Close the stream; what was not consumed is recorded as cancelled."""
        try:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()
        finally:
            self._abandon()

    def __enter__(self) -> Self:
        enter = getattr(self._source, "__enter__", None)
        if enter is not None:
            enter()
        return self

    def __exit__(self, *raised: *Raised) -> Any:
        leave_source = getattr(self._source, "__exit__", None)
        try:
            return leave_source(*raised) if leave_source is not None else None
        finally:
            self._abandon()


class AsyncTrackedStream(StandIn[AsyncIterable[Chunk]], Generic[Chunk]):
    """The same for a stream that is consumed with `async for`."""

    def __init__(self, call: Call, source: AsyncIterable[Chunk], *, ends_call: bool = True) -> None:
        super().__init__(call, source, ends_call=ends_call)
        self._chunks: AsyncIterator[Chunk] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Chunk:
        token = self._call.enter()
        try:
            if self._chunks is None:
                self._chunks = aiter(self._source)
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            self._finish()
            raise
        except BaseException as error:
            self._call.fail(error)
            raise
        finally:
            leave(token)
        self._call.chunk(chunk)
        return chunk

    async def close(self) -> None:
        """Close the stream; what was not consumed is recorded as cancelled."""
        await self._close("close", "aclose")

    async def aclose(self) -> None:
        """Close the stream, by the name that asynchronous generators use."""
        await self._close("aclose", "close")

    async def _close(self, *spellings: str) -> None:
        try:
            for name in spellings:
                close = getattr(self._source, name, None)
                if close is not None:
                    await close()
                    break
        finally:
            self._abandon()

    async def __aenter__(self) -> Self:
        enter = getattr(self._source, "__aenter__", None)
        if enter is not None:
            await enter()
        return self

    async def __aexit__(self, *raised: *Raised) -> Any:
        leave_source = getattr(self._source, "__aexit__", None)
        try:
            return await leave_source(*raised) if leave_source is not None else None
        finally:
            self._abandon()
