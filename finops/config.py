"""The settings of the product: FINOPS_* variables, read once, here and nowhere else.

A wrong value ends in one line that names the variable, the value and what is allowed.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, NoReturn
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"
PREFIX = "FINOPS_"

Port = Annotated[int, Field(ge=1, le=65535)]


class ConfigError(Exception):
    """A setting can't be used; the message is the one line to show."""


class Config(BaseSettings):
    """Every setting, typed and frozen; defaults give the embedded product on one machine."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True
    )

    data_dir: Path = ROOT / "data"
    debug: bool = False
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    secret_key: SecretStr | None = None
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ("127.0.0.1", "localhost", "[::1]")
    trusted_origins: Annotated[tuple[str, ...], NoDecode] = ()
    behind_tls_proxy: bool = False
    public_url: str = ""

    web_host: str = LOOPBACK
    web_port: Port = 8000
    otlp_host: str = LOOPBACK
    otlp_port: Port = 4318

    database_url: str = ""
    broker_url: str = ""
    clickhouse_url: SecretStr | None = None
    clickhouse_port: Port = 19000
    clickhouse_cluster: str = Field("", pattern=r"^[A-Za-z0-9_]*$")

    span_retention_days: int = Field(14, ge=1, le=3650)
    spool_dir: Path | None = None
    spool_dir_in_clickhouse: str = ""
    spool_max_bytes: int = Field(4 * 1024**3, ge=1024**2)
    ingest_max_body_bytes: int = Field(16 * 1024**2, ge=1024)
    ingest_max_decoded_bytes: int = Field(64 * 1024**2, ge=1024)

    demo: bool = True
    demo_calls: int = Field(24_000, ge=100, le=200_000)

    email_url: SecretStr | None = None
    email_from: str = "Inferledger <ledger@localhost>"

    @field_validator("allowed_hosts", "trusted_origins", mode="before")
    @classmethod
    def split_commas(cls, value: object) -> object:
        return (
            tuple(v.strip() for v in value.split(",") if v.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("data_dir", "spool_dir")
    @classmethod
    def make_absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else None

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
    def outbox(self) -> Path:
        """Where e-mails are written as .eml when no SMTP server is set."""
        return self.data_dir / "outbox"

    @property
    def site_url(self) -> str:
        """What links in e-mails start with, without a trailing slash."""
        return (self.public_url or f"http://{self.web_host}:{self.web_port}").rstrip("/")

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


def explain(error: ValidationError) -> str:
    """One line for each wrong setting: the variable, the value and what is allowed."""
    lines = []
    for item in error.errors():
        name = PREFIX + "_".join(str(part) for part in item["loc"]).upper()
        secret = name.endswith(("_KEY", "_URL"))
        value = "(hidden)" if secret else repr(item["input"])
        lines.append(f"{name}={value}: {item['msg']}.")
    return "\n".join(lines)


@lru_cache(maxsize=1)
def load_config() -> Config:
    """Read the settings; raises ConfigError with the line to show."""
    try:
        return Config()
    except ValidationError as error:
        raise ConfigError(explain(error)) from None


def exit_with(error: ConfigError) -> NoReturn:
    """End the process the way a wrong setting should: one line, exit status 2."""
    raise SystemExit(f"inferledger: {error}") from None
