"""TLS by setting, for HTTP and gRPC, with a certificate that is renewed meanwhile."""

from __future__ import annotations

import datetime as dt
import http.client
import ipaddress
import os
import socket
import ssl
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ingest.entrances import TRACES
from ingest.tls import Certificate, CertificateError
from tests.ingest.collector import Installation, collector
from tests.ingest.payloads import Span, request
from tests.ingest.serving import KEY, Serving, serving, stored

GOOD = request(Span())


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate for loopback and its key, both new."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    pem = serialization.Encoding.PEM
    cert_file.write_bytes(certificate.public_bytes(pem))
    key_file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


def post(receiver: Serving, trusted: Path) -> int:
    context = ssl.create_default_context(cafile=str(trusted))
    connection = http.client.HTTPSConnection("localhost", receiver.port, context=context)
    connection.request("POST", "/v1/traces", GOOD, dict(receiver.headers))
    status = connection.getresponse().status
    connection.close()
    return status


def export(receiver: Serving, trusted: Path) -> bytes:
    credentials = grpc.ssl_channel_credentials(trusted.read_bytes())
    with grpc.secure_channel(f"localhost:{receiver.grpc_port}", credentials) as channel:
        call: Any = channel.unary_unary(TRACES.method)
        answer: bytes = call(GOOD, metadata=(("authorization", f"Bearer {KEY}"),), timeout=30)
        return answer


def test_both_receivers_speak_tls_and_take_a_renewed_certificate(tmp_path: Path) -> None:
    files = make_certificate(tmp_path)
    certificate = Certificate(*files)
    with serving(tmp_path / "spool", certificate=certificate) as receiver:
        assert (post(receiver, files[0]), export(receiver, files[0])) == (200, b"")
        old = tmp_path / "old.pem"
        old.write_bytes(files[0].read_bytes())
        make_certificate(tmp_path)
        certificate.reload()
        assert (post(receiver, files[0]), export(receiver, files[0])) == (200, b"")
        with pytest.raises(ssl.SSLError):
            post(receiver, old)
        assert len(stored(receiver.folder)) == 4


def test_a_renewed_certificate_that_is_no_good_is_not_taken(tmp_path: Path) -> None:
    files = make_certificate(tmp_path)
    certificate = Certificate(*files)
    with serving(tmp_path / "spool", certificate=certificate) as receiver:
        old = tmp_path / "old.pem"
        old.write_bytes(files[0].read_bytes())
        files[0].write_text("nonsense")
        certificate.reload()
        assert (post(receiver, old), export(receiver, old)) == (200, b"")


def test_a_client_that_does_not_shake_hands_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.serve.HANDSHAKE_S", 0.3)
    certificate = Certificate(*make_certificate(tmp_path))
    with (
        serving(tmp_path / "spool", certificate=certificate) as receiver,
        socket.create_connection(("127.0.0.1", receiver.port), timeout=30) as client,
    ):
        assert client.recv(10) == b""


def test_files_that_are_no_certificate_with_its_key_are_refused(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    with pytest.raises(CertificateError, match="FINOPS_OTLP_TLS_CERT"):
        Certificate(cert, cert)
    with pytest.raises(CertificateError, match="No such file"):
        Certificate(tmp_path / "none.pem", key)


def test_the_command_says_in_one_line_what_is_wrong(
    tmp_path: Path, installation: Installation
) -> None:
    absent = str(tmp_path / "none.pem")
    with collector(
        tmp_path / "c", installation, otlp_tls_cert=absent, otlp_tls_key=absent
    ) as refused:
        refused.start()
        assert refused.process is not None
        assert refused.process.wait(120) == 1
        assert refused.log.startswith("CommandError: FINOPS_OTLP_TLS_CERT=")
        assert len(refused.log.strip().split(os.linesep)) == 1
