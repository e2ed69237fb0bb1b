"""Celery's broker: folders in the data folder, or Redis by URL; and what every task agrees to."""

from __future__ import annotations

from typing import Any

from finops.config import Config


def broker_settings(config: Config) -> dict[str, Any]:
    """Return the CELERY_* settings; makes the folders of the filesystem broker."""
    return {
        "CELERY_TASK_IGNORE_RESULT": True,
        "CELERY_TASK_ACKS_LATE": True,
        "CELERY_TASK_REJECT_ON_WORKER_LOST": True,
        "CELERY_WORKER_PREFETCH_MULTIPLIER": 1,
        "CELERY_WORKER_HIJACK_ROOT_LOGGER": False,
        "CELERY_WORKER_REDIRECT_STDOUTS": False,
        "CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP": True,
        "CELERY_TIMEZONE": "UTC",
        **(redis(config.broker_url.get_secret_value()) if config.broker_url else folders(config)),
    }


def redis(url: str) -> dict[str, Any]:
    # An unacknowledged task comes back after this many seconds; every task is safe to run twice.
    return {
        "CELERY_BROKER_URL": url,
        "CELERY_BROKER_TRANSPORT_OPTIONS": {"visibility_timeout": 600},
    }


def folders(config: Config) -> dict[str, Any]:
    root = config.make_data_dir() / "broker"
    try:
        for name in ("queue", "control", "processed"):
            (root / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise config.no_data_dir(error) from None
    queue = str(root / "queue")
    return {
        "CELERY_BROKER_URL": "filesystem://localhost",
        "CELERY_BROKER_TRANSPORT_OPTIONS": {
            "data_folder_in": queue,
            "data_folder_out": queue,
            "control_folder": str(root / "control"),
            "processed_folder": str(root / "processed"),
            "store_processed": False,
            "polling_interval": 0.2,
        },
    }
