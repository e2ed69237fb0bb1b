"""The OTLP/gRPC receiver: the same intake behind Export of the three services.

Messages are taken as bytes. Calls are declared as streams of requests, which looks the same on the
wire as the one request they have, so that a sender is known before its message is read. Messages
come still compressed, since gRPC's own decompression has no bound, and are unpacked by us.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import structlog
from grpc import aio

from ingest.answer import accepted, status_of
from ingest.body import Held
from ingest.compression import encoding_of
from ingest.entrances import ENTRANCES, Entrance
from ingest.errors import BadRequest, Busy, Refused, SlowClient
from ingest.intake import Intake

# A message's size isn't known before it is read; this is held for it until then.
EXPECTED_BYTES = 2 * 1024**2
# gRPC's own limit would refuse without saying when to come again, and exporters would give up.
MAX_CALLS = 512
STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}
DETAILS = "grpc-status-details-bin"
OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.so_reuseport", 0),
    ("grpc.per_message_decompression", 0),
    ("grpc.max_concurrent_streams", 128),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.absolute_max_metadata_size", 32 * 1024),
    ("grpc.max_allowed_incoming_connections", 1000),
    ("grpc.server_handshake_timeout_ms", 10_000),
    # A connection that nothing comes over is asked for a sign of life, and idle ones are closed.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_connection_idle_ms", 900_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)

Context = Any  # aio.ServicerContext, which is generic for mypy alone
Export = Callable[[AsyncIterator[bytes], Context], Awaitable[bytes]]

log = structlog.get_logger(__name__)


class Services(grpc.GenericRpcHandler):
    """Finds the handler of a method by its path."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.calls = 0
        self._handlers: dict[str, Any] = {
            entrance.method: grpc.stream_unary_rpc_method_handler(self.exporter(entrance))
            for entrance in ENTRANCES
        }

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        return self._handlers.get(details.method)

    def exporter(self, entrance: Entrance) -> Any:
        """Return Export of one service."""

        async def export(_: AsyncIterator[bytes], context: Context) -> bytes:
            self.calls += 1
            try:
                if self.calls > MAX_CALLS:
                    raise Busy("Too many requests at once; send again.", 1)
                return await self.take(entrance, context)
            except Refused as error:
                self.intake.count_refusal(entrance, error)
                log.debug("refused", code=error.code, reason=str(error))
                return await refuse(context, error)
            except Exception:
                self.intake.counts["failed"] += 1
                log.exception("request_failed")
                return await refuse(context, Busy("The collector failed on this request.", 30))
            finally:
                self.calls -= 1

        return export

    async def take(self, entrance: Entrance, context: Context) -> bytes:
        """Store what one request holds; returns only when it is on disk."""
        intake = self.intake
        identity = await intake.identify(entrance, headers_of(context))
        try:
            with Held(intake.memory, identity.workspace_id) as held:
                await held.start(EXPECTED_BYTES)
                message = await self.read(context)
                held.resize(len(message))
                encoding = encoding_of(message)
                admission = await intake.take(entrance, identity, message, encoding, held)
        except Refused as error:
            intake.tell(entrance, identity, error)
            raise
        intake.counts["requests_grpc"] += 1
        return accepted(entrance, admission.rejected, admission.reason)

    async def read(self, context: Context) -> bytes:
        try:
            async with asyncio.timeout(self.intake.limits.read_timeout_s):
                message = await context.read()
        except TimeoutError:
            raise SlowClient("The message didn't arrive in time.") from None
        if not isinstance(message, bytes):
            raise BadRequest("The call has no message.")
        return message


def headers_of(context: Context) -> dict[bytes, bytes]:
    """Return a call's metadata as HTTP's headers are; the names are lower case already."""
    return {
        name.encode(): value if isinstance(value, bytes) else value.encode("utf-8", "replace")
        for name, value in context.invocation_metadata() or ()
    }


async def refuse(context: Context, error: Refused) -> bytes:
    """End a call with the error's code, by raising; one that may be sent again says when."""
    await context.abort(STATUS_CODES[error.code], str(error), ((DETAILS, status_of(error)),))
    return b""


def make_grpc_server(intake: Intake, max_message_bytes: int) -> aio.Server:
    """Make the server around an intake, for the loop that runs; nothing listens yet."""
    options = (*OPTIONS, ("grpc.max_receive_message_length", max_message_bytes))
    server = aio.server(options=options)
    server.add_generic_rpc_handlers((Services(intake),))
    return server
