"""The product's settings for the tests, with an environment of their own.

pytest-django reads the settings before any conftest.py, so this is the place to set it.
"""

from __future__ import annotations

import os
import tempfile

STEERING = ("FINOPS_TEST_", "FINOPS_REQUIRE_SERVICES")

for name in [name for name in os.environ if name.startswith("FINOPS_")]:
    if not name.startswith(STEERING):
        del os.environ[name]

# One folder for each process of the run, so parallel workers share neither database nor spool;
# it goes when the process ends.
FOLDER = tempfile.TemporaryDirectory(prefix="inferledger-tests-")
os.environ["FINOPS_DATA_DIR"] = f"{FOLDER.name}/data"
if database_url := os.environ.get("FINOPS_TEST_DATABASE_URL"):
    os.environ["FINOPS_DATABASE_URL"] = database_url

# A process that a test starts is the product, with the product's own settings.
os.environ.pop("DJANGO_SETTINGS_MODULE", None)

from finops.settings import *  # noqa: E402, F403

# Argon2 is slow on purpose; tests of it name it themselves.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Static files come from where they lie, with nothing to collect first.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
