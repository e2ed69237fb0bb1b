"""The decorator that tracks the calls of a function, whatever kind of function it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar, Unpack, overload

from inferledger import attributes as names
from inferledger._call import Call, leave
from inferledger._facts import Attributes, Traits, wire
from inferledger._hash import keyed_hash
from inferledger._log import say
from inferledger._recorder import Recorder, current
from inferledger._scope import scope
from inferledger._stream import AsyncTrackedStream, TrackedStream, drive, drive_async

P = ParamSpec("P")
R = TypeVar("R")
FromArguments = Callable[[Mapping[str, Any]], Any]


@overload
def track(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def track(
    function: None = None,
    /,
    *,
    model: str | FromArguments | None = None,
    tenant: str | FromArguments | None = None,
    user_id: str | FromArguments | None = None,
    feature: str | FromArguments | None = None,
    session_id: str | FromArguments | None = None,
    prompt: FromArguments | None = None,
    **traits: Unpack[Traits],
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def track(
    function: Callable[..., Any] | None = None,
    /,
    *,
    prompt: FromArguments | None = None,
    **facts: Any,
) -> Any:
    """Track every call of a function: plain, async, generator or async generator.

    The function should return the provider's answer, or a stream of its chunks: model, usage and
    finish reason are read from it. One that returns something else says so inside, by
    `current_call().response(answer)`. `model`, `tenant`, `user_id`, `feature` and `session_id` may
    be functions of the call's arguments, as in `tenant=lambda args: args["customer"].id`; an
    argument named `model` is used where none is given. `prompt` picks what is hashed to find equal
    prompts. The tracked function keeps its signature and what it raises.
    """

    def decorate(tracked: Callable[..., Any]) -> Callable[..., Any]:
        return _decorate(tracked, _plan(tracked, prompt, facts))

    return decorate if function is None else decorate(function)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is known of a function's calls beforehand, and what their arguments tell."""

    fixed: Attributes
    from_arguments: Mapping[str, FromArguments]
    prompt: FromArguments | None
    signature: inspect.Signature | None

    def call(self, recorder: Recorder, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """A call that is about to start, in the contexts that are open now."""
        said = dict(self.fixed)
        if self.signature is not None:
            try:
                bound = self.signature.bind(*args, **kwargs)
            except TypeError:
                pass  # The function itself is about to say so.
            else:
                bound.apply_defaults()
                self._read(bound.arguments, said, recorder)
        return Call(said, scope())

    def _read(self, arguments: Mapping[str, Any], said: Attributes, recorder: Recorder) -> None:
        for fact, read in self.from_arguments.items():
            said.update(wire({fact: _ask(fact, read, arguments)}))
        pick = self.prompt
        if pick is not None:
            hashed = _ask(
                "prompt", lambda told: keyed_hash(pick(told), recorder.hash_key), arguments
            )
            if hashed is not None:
                said[names.PROMPT_HASH] = hashed


def _ask(fact: str, read: FromArguments, arguments: Mapping[str, Any]) -> Any:
    try:
        return read(arguments)
    except Exception as error:
        kind = type(error).__qualname__
        say(f"ask:{fact}", "%s could not be read from the arguments (%s)", fact, kind)
        return None


def _plan(
    function: Callable[..., Any], prompt: FromArguments | None, facts: Mapping[str, Any]
) -> _Plan:
    signature = _signature(function)
    from_arguments = {fact: value for fact, value in facts.items() if callable(value)}
    if facts.get("model") is None and signature is not None and "model" in signature.parameters:
        from_arguments["model"] = _model_argument
    fixed = {fact: value for fact, value in facts.items() if not callable(value)}
    needed = signature if from_arguments or prompt is not None else None
    return _Plan(wire(fixed), from_arguments, prompt, needed)


def _model_argument(arguments: Mapping[str, Any]) -> str | None:
    model = arguments["model"]
    return model if isinstance(model, str) else None


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _decorate(function: Callable[..., Any], plan: _Plan) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):
        return _track_coroutine(function, plan)
    if inspect.isgeneratorfunction(function):
        return _track_generator(function, plan, drive)
    if inspect.isasyncgenfunction(function):
        return _track_generator(function, plan, drive_async)
    return _track_function(function, plan)


def _track_function(function: Callable[..., Any], plan: _Plan) -> Callable[..., Any]:
    @wraps(function)
    def tracked(*args: Any, **kwargs: Any) -> Any:
        recorder = current()
        if recorder is None:
            return function(*args, **kwargs)
        call = plan.call(recorder, args, kwargs)
        call.start()
        token = call.enter()
        try:
            answer = function(*args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        finally:
            leave(token)
        if inspect.iscoroutine(answer):
            return _await(call, answer)
        return _settle(call, answer)

    return tracked


def _track_coroutine(function: Callable[..., Any], plan: _Plan) -> Callable[..., Any]:
    @wraps(function)
    async def tracked(*args: Any, **kwargs: Any) -> Any:
        recorder = current()
        if recorder is None:
            return await function(*args, **kwargs)
        call = plan.call(recorder, args, kwargs)
        call.start()
        return await _await(call, function(*args, **kwargs))

    return tracked


def _track_generator(
    function: Callable[..., Any], plan: _Plan, run: Callable[[Call, Any], Any]
) -> Callable[..., Any]:
    # No generator function itself: the contexts that count are those of the call, and a web
    # framework consumes the stream after these have been left.
    @wraps(function)
    def tracked(*args: Any, **kwargs: Any) -> Any:
        recorder = current()
        chunks = function(*args, **kwargs)
        if recorder is None:
            return chunks
        return run(plan.call(recorder, args, kwargs), chunks)

    return tracked


async def _await(call: Call, answering: Coroutine[Any, Any, Any]) -> Any:
    token = call.enter()
    try:
        answer = await answering
    except BaseException as error:
        call.fail(error)
        raise
    finally:
        leave(token)
    return _settle(call, answer)


def _settle(call: Call, answer: Any) -> Any:
    """End the call with its answer, or let it last until a returned stream was consumed."""
    if hasattr(type(answer), "__anext__"):
        return AsyncTrackedStream(call, answer)
    if hasattr(type(answer), "__next__"):
        return TrackedStream(call, answer)
    call.response(answer)
    call.end()
    return answer
