"""What clients ask, in the words of OpenAI's API: checked, and refused where it can't be done.

What would change the answer and isn't offered (tools, several choices, log-probabilities, JSON
mode, images) is refused by name; what wouldn't (`store`, `service_tier` …) is ignored.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from finops.engine.sampling import Sampling
from finops.engine.serve.chat import Message
from finops.engine.serve.errors import Invalid

MAX_STOPS = 4
LARGEST_TOKEN = 2**63 - 1
Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
Stop = Annotated[str, Field(min_length=1, max_length=256)]
Token = Annotated[int, Field(ge=0, le=LARGEST_TOKEN)]
# Fields that would change the answer, and what may stand in them.
NOT_OFFERED: dict[str, tuple[object, ...]] = {
    "tools": ([],),
    "functions": ([],),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "audio": (),
    "echo": (False,),
    "suffix": ("",),
    "best_of": (1,),
    "n": (1,),
    "response_format": ({"type": "text"},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
}
INSTEAD = {
    "n": "send one request for each answer",
    "best_of": "send one request for each answer",
    "response_format": "leave it out, or ask for text",
}


class StreamOptions(BaseModel):
    """What a stream says besides its text."""

    include_usage: bool = False


class TextPart(BaseModel):
    """A piece of a message; only text is read."""

    type: Literal["text"]
    text: str


def as_parts(content: object) -> object:
    """Plain text as the one part that it is, so that a fault is told of one form only."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def as_list(stop: object) -> object:
    """One stop sequence as a list of it."""
    return [stop] if isinstance(stop, str) else stop


class ChatMessage(BaseModel):
    """A turn of a chat."""

    role: Role
    content: Annotated[list[TextPart] | None, BeforeValidator(as_parts)] = None

    def plain(self) -> Message:
        """Role and text."""
        return Message(self.role, "".join(part.text for part in self.content or ()))


class Asked(BaseModel):
    """What both endpoints take."""

    model_config = ConfigDict(extra="allow", strict=True)

    model: str
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: Annotated[list[Stop] | None, Field(max_length=MAX_STOPS), BeforeValidator(as_list)] = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, str] | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """Stop sequences."""
        return tuple(self.stop or ())

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with its usage."""
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def limit(self) -> int | None:
        """The most tokens that the answer may have."""
        return self.max_tokens

    def sampling(self, seed: int) -> Sampling:
        """How tokens are chosen; `seed` where the client gives none. Default temperature: 1."""
        temperature = 1.0 if self.temperature is None else self.temperature
        top_p = 1.0 if self.top_p is None else self.top_p
        return Sampling(temperature, top_p, seed if self.seed is None else self.seed)


class ChatAsked(Asked):
    """POST /v1/chat/completions."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None

    @property
    def limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens


class CompletionAsked(Asked):
    """POST /v1/completions; a prompt is text or token ids."""

    prompt: str | list[Token] | list[str] | list[list[Token]]

    @property
    def text_or_tokens(self) -> str | list[int]:
        """The one prompt; raises Invalid for several or none."""
        prompt: Any = self.prompt
        if isinstance(prompt, list) and (not prompt or not isinstance(prompt[0], int)):
            if len(prompt) != 1:
                raise Invalid(
                    f"{len(prompt)} prompts in one request; send one request for each.", "prompt"
                )
            prompt = prompt[0]
        found: str | list[int] = prompt
        return found


Form = TypeVar("Form", bound=Asked)


def read_asked(form: type[Form], body: bytes) -> Form:
    """Check a request's JSON; raises Invalid with the field that is wrong."""
    try:
        asked = form.model_validate_json(body)
    except ValidationError as error:
        raise explained(error) from None
    for name, allowed in NOT_OFFERED.items():
        given = (asked.model_extra or {}).get(name)
        if given is not None and given not in allowed:
            instead = INSTEAD.get(name, "leave it out")
            raise Invalid(f"{name}={given!r:.40} is not offered by this server; {instead}.", name)
    return asked


def explained(error: ValidationError) -> Invalid:
    """The first fault of a request, in a sentence."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = fault["loc"]
    if fault["type"] == "json_invalid":
        return Invalid("The body is not JSON.")
    if place and place[0] == "prompt":
        return Invalid("prompt: Input should be text, or a list of token ids.", "prompt")
    named = ".".join(map(str, place)) or "body"
    return Invalid(f"{named}: {fault['msg']}.", str(place[0]) if place else None)
