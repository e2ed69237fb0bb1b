"""The settings of the product: FINOPS_* variables, read once, here and nowhere else.

A wrong setting ends in one line that names the variable, its value and what is allowed. A secret
can also be read from a file named by the variable with _FILE appended, as container secrets are.

    ConfigError    a setting can't be used; the message is the line to show, one for each setting
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, NoReturn
from urllib.parse import quote

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from finops.config_checks import (
    PREFIX,
    explain,
    secrets_from_files,
    unknown_names,
    url_of,
)

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"
SECRETS = (
    "secret_key", "database_url", "clickhouse_url", "broker_url", "email_url", "metrics_token",
)  # fmt: skip

Port = Annotated[int, Field(ge=1, le=65535, description="a port from 1 to 65535")]
Limit = Annotated[int, Field(ge=0, description="a whole number, or 0 for no limit")]
Switch = Annotated[bool, Field(description="1 or 0")]
Host = Annotated[str, Field(min_length=1, description="an address to listen on, as 127.0.0.1")]
SecretKey = Annotated[SecretStr, Field(min_length=32)]
Token = Annotated[SecretStr, Field(min_length=16)]
Names = Annotated[tuple[str, ...], NoDecode]
DatabaseUrl = Annotated[SecretStr, AfterValidator(url_of("sqlite", "postgres", "postgresql"))]
ClickHouseUrl = Annotated[SecretStr, AfterValidator(url_of("clickhouse", "clickhouses"))]
BrokerUrl = Annotated[SecretStr, AfterValidator(url_of("redis", "rediss"))]
EmailUrl = Annotated[SecretStr, AfterValidator(url_of("smtp", "smtps"))]
WebUrl = Annotated[str, AfterValidator(url_of("http", "https"))]


class ConfigError(Exception):
    """A setting can't be used; the message is the line to show."""

    code = "wrong_setting"
    retryable = False


class Config(BaseSettings):
    """Every setting, typed and frozen; defaults give the embedded product on one machine.

    A field's description is what is allowed, in the words that a wrong value is answered with.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True
    )

    data_dir: Path = Field(ROOT / "data", description="a folder that this user can write to")
    static_dir: Path | None = Field(None, description="a folder for the collected static files")
    debug: Switch = False
    log_format: Literal["console", "json"] = Field("console", description="console or json")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR"
    )

    secret_key: SecretKey | None = Field(None, description="32 or more random characters")
    allowed_hosts: Names = Field((), description="host names, separated by commas")
    trusted_origins: Names = Field((), description="origins as https://host, separated by commas")
    behind_tls_proxy: Switch = False
    public_url: WebUrl = Field("", description="an address as https://ledger.example.com")

    web_host: Host = LOOPBACK
    web_port: Port = 8000
    otlp_host: Host = LOOPBACK
    otlp_port: Port = 4318
    otlp_grpc_port: int = Field(
        4317, ge=0, le=65535, description="a port from 1 to 65535, or 0 for none"
    )
    otlp_grpc_max_message_bytes: int = Field(
        4 * 1024**2, ge=1024, description="bytes, 1024 or more"
    )
    otlp_tls_cert: Path | None = Field(
        None, description="a file with the certificate and those above it, in PEM"
    )
    otlp_tls_key: Path | None = Field(None, description="the certificate's key file, in PEM")
    otlp_url: WebUrl = Field("", description="an address as https://otlp.example.com")
    metrics_token: Token | None = Field(
        None, description="16 or more random characters that a scraper sends as bearer token"
    )
    ingest_health_url: WebUrl = Field("", description="an address as http://ingest:4318/healthz")

    database_url: DatabaseUrl | None = Field(
        None,
        description="sqlite:////absolute/path or postgresql://user:password@host:5432/name",
    )
    broker_url: BrokerUrl | None = Field(
        None, description="redis://host:6379/0 or rediss://user:password@host:6379/0"
    )
    clickhouse_url: ClickHouseUrl | None = Field(
        None, description="clickhouse://user:password@host:9000/database, or clickhouses: for TLS"
    )
    clickhouse_port: Port = 19000
    clickhouse_cluster: str = Field(
        "", pattern=r"^[A-Za-z0-9_]*$", description="a cluster's name of letters, digits and _"
    )

    span_retention_days: int = Field(14, ge=1, le=3650, description="days from 1 to 3650")
    spool_dir: Path | None = Field(None, description="a folder that ingest can write to")
    spool_dir_in_clickhouse: str = Field("", description="the spool folder as ClickHouse sees it")
    spool_max_bytes: int = Field(4 * 1024**3, ge=1024**2, description="bytes, 1048576 or more")
    ingest_max_body_bytes: int = Field(16 * 1024**2, ge=1024, description="bytes, 1024 or more")
    ingest_max_decoded_bytes: int = Field(32 * 1024**2, ge=1024, description="bytes, 1024 or more")
    ingest_spans_per_second: Limit = 0
    ingest_bytes_per_second: Limit = 0
    ingest_spans_per_request: Limit = 0

    demo: Switch = True
    demo_calls: int = Field(24_000, ge=100, le=200_000, description="calls from 100 to 200000")

    email_url: EmailUrl | None = Field(
        None,
        description="smtp://user:password@host:587?tls=1 (STARTTLS), or smtps: for TLS at once",
    )
    email_from: str = Field(
        "Inferledger <ledger@localhost>",
        pattern=r"^[^\r\n]*@[^\r\n]*$",
        description="a sender as Inferledger <ledger@example.com>",
    )

    @field_validator("allowed_hosts", "trusted_origins", mode="before")
    @classmethod
    def split_commas(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("trusted_origins")
    @classmethod
    def need_schemes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(origin.startswith(("http://", "https://")) for origin in value):
            raise ValueError("an origin begins with its scheme")
        return value

    @field_validator("data_dir", "static_dir", "spool_dir", "otlp_tls_cert", "otlp_tls_key")
    @classmethod
    def make_absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else None

    def make_data_dir(self) -> Path:
        """Make the data folder, closed to other users; raises ConfigError when that can't be."""
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self.no_data_dir(error) from None
        return self.data_dir

    def no_data_dir(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"FINOPS_DATA_DIR={str(self.data_dir)!r} can't be used ({error.strerror}); "
            "allowed: a folder that this user can write to."
        )

    @property
    def embedded_clickhouse(self) -> bool:
        """True where the product runs its own ClickHouse process."""
        return self.clickhouse_url is None

    @property
    def clickhouse_dir(self) -> Path:
        return self.data_dir / "clickhouse"

    @property
    def spool(self) -> Path:
        return self.spool_dir or self.data_dir / "spool"

    @property
    def spool_seen_by_clickhouse(self) -> str:
        """The spool folder as ClickHouse's file() has to name it."""
        return self.spool_dir_in_clickhouse or str(self.spool)

    @property
    def static_root(self) -> Path:
        """Where the collected static files are served from."""
        return self.static_dir or self.data_dir / "static"

    @property
    def outbox(self) -> Path:
        """Where e-mails are written as .eml when no SMTP server is set."""
        return self.data_dir / "outbox"

    @property
    def site_url(self) -> str:
        """What links in e-mails start with, without a trailing slash."""
        return self.public_url.rstrip("/") or f"http://{reachable(self.web_host)}:{self.web_port}"

    @property
    def otlp_endpoint(self) -> str:
        """Where apps send their traces, as the pages tell them."""
        here = f"{self.otlp_scheme}://{reachable(self.otlp_host)}:{self.otlp_port}"
        return self.otlp_url.rstrip("/") or here

    @property
    def otlp_scheme(self) -> str:
        """What the collector's own addresses start with."""
        return "https" if self.otlp_tls_cert else "http"

    @property
    def ingest_healthz(self) -> str:
        """Where the other processes ask how ingest is."""
        here = f"{self.otlp_scheme}://{reachable(self.otlp_host)}:{self.otlp_port}/healthz"
        return self.ingest_health_url or here

    @property
    def web_healthz(self) -> str:
        """Where the supervisor asks whether the pages are up."""
        return f"http://{reachable(self.web_host)}:{self.web_port}/healthz"

    def warehouse_url(self) -> str:
        """The URL of ClickHouse; of the embedded one when none is set.

        Raises ConfigError when the embedded server has never run, since its password is made then.
        """
        if self.clickhouse_url is not None:
            return self.clickhouse_url.get_secret_value()
        path = self.clickhouse_dir / "password"
        try:
            password = path.read_text().strip()
        except OSError:
            raise ConfigError(
                f"The embedded ClickHouse has no password yet ({path}): start the product once "
                "with `make run`, or set FINOPS_CLICKHOUSE_URL."
            ) from None
        return f"clickhouse://finops:{quote(password)}@{LOOPBACK}:{self.clickhouse_port}/finops"


def reachable(host: str) -> str:
    """The host to connect to where a server listens on `host`."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return LOOPBACK
    return f"[{host}]" if ":" in host else host


def read_variable(name: str) -> str:
    """What a variable holds that a command is told the name of, or that others agreed on; or ""."""
    return os.environ.get(name, "").strip()


def read_config(environment: Mapping[str, str]) -> Config:
    """Check the settings in `environment`, which is also what pydantic reads: the process's own.

    Raises ConfigError with one line for each setting that is wrong.
    """
    wrong = unknown_names(environment, Config.model_fields, SECRETS)
    values, unreadable = secrets_from_files(environment, SECRETS)
    wrong += unreadable
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(wrong + explain(error, Config.model_fields, SECRETS))) from None
    if config.debug and config.web_host not in (LOOPBACK, "localhost", "::1"):
        wrong.append(
            "FINOPS_DEBUG='1' shows source code to whoever connects; allowed: only with "
            f"FINOPS_WEB_HOST={LOOPBACK}, not {config.web_host!r}."
        )
    if (config.otlp_tls_cert is None) != (config.otlp_tls_key is None):
        wrong.append("FINOPS_OTLP_TLS_CERT and FINOPS_OTLP_TLS_KEY belong together; set both.")
    if wrong:
        raise ConfigError("\n".join(wrong))
    return config


@lru_cache(maxsize=1)
def load_config() -> Config:
    """Read the settings; raises ConfigError with the lines to show."""
    return read_config(os.environ)


def exit_with(error: ConfigError) -> NoReturn:
    """End the process the way a wrong setting should: a line for each, exit status 2."""
    for line in str(error).splitlines():
        sys.stderr.write(f"inferledger: {line}\n")
    raise SystemExit(2) from None
