#!/usr/bin/env python
"""Run one of Inferledger's commands; `manage.py help` lists them."""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "finops.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    from finops.config import ConfigError, exit_with  # noqa: PLC0415

    try:
        execute_from_command_line(sys.argv)
    except ConfigError as error:
        exit_with(error)


if __name__ == "__main__":
    main()
