"""TLS for both receivers, from one certificate that may be renewed while they run."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import grpc
import structlog

LOOK_EVERY_S = 10.0

log = structlog.get_logger(__name__)


class CertificateError(Exception):
    """The certificate or its key can't be used; the message is the line to show."""

    code = "certificate_unusable"
    retryable = False


class Certificate:
    """A certificate and its key in files; raises CertificateError when they can't be used."""

    def __init__(self, cert: Path, key: Path) -> None:
        self.cert = cert
        self.key = key
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.set_alpn_protocols(["http/1.1"])
        self._seen = self._version()
        self._seen_by_grpc = self._seen
        self._load(self.context)

    def _version(self) -> tuple[int, ...]:
        try:
            return tuple(file.stat().st_mtime_ns for file in (self.cert, self.key))
        except OSError as error:
            raise CertificateError(
                f"FINOPS_OTLP_TLS_CERT={str(self.cert)!r} and FINOPS_OTLP_TLS_KEY="
                f"{str(self.key)!r} can't be read: {error.strerror} ({error.filename})."
            ) from None

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            # A key with a password would ask for it on a terminal that nobody sits at.
            context.load_cert_chain(self.cert, self.key, password=lambda: "")
        except (OSError, ValueError) as error:  # SSLError is an OSError
            raise CertificateError(
                f"FINOPS_OTLP_TLS_CERT={str(self.cert)!r} and FINOPS_OTLP_TLS_KEY="
                f"{str(self.key)!r} are no certificate with its key, in PEM and without a "
                f"password: {error}."
            ) from None

    async def keep_fresh(self) -> None:
        """Take a renewed certificate for new connections; the old one stays if it is no good."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.reload()

    def reload(self) -> None:
        try:
            version = self._version()
            if version != self._seen:
                self._load(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))
                self._load(self.context)
                self._seen = version
                log.info("certificate_renewed", file=str(self.cert))
        except CertificateError as error:
            log.error("certificate_not_renewed", error=str(error))

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Return credentials that follow the files; gRPC asks again at each new connection."""
        return grpc.dynamic_ssl_server_credentials(self._for_grpc(), self._newer_for_grpc)

    def _for_grpc(self) -> Any:
        return grpc.ssl_server_certificate_configuration(
            [(self.key.read_bytes(), self.cert.read_bytes())]
        )

    def _newer_for_grpc(self) -> Any:
        """Return what keep_fresh has found good since the last time, or None."""
        if self._seen == self._seen_by_grpc:
            return None
        self._seen_by_grpc = self._seen
        return self._for_grpc()
