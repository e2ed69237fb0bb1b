"""Django's settings, all derived from finops.config."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import plotly

from finops.broker import broker_settings
from finops.config import LOOPBACK, ConfigError, exit_with, load_config
from finops.database import database_settings
from finops.logging import configure_logging, logging_settings
from finops.mail import email_settings
from finops.secret import load_secret_key
from finops.security import security_settings

try:
    CONFIG = load_config()
    SECRET_KEY = load_secret_key(CONFIG)
    DATABASES = {"default": database_settings(CONFIG)}
    BROKER = broker_settings(CONFIG)
except ConfigError as error:
    exit_with(error)

DEBUG = CONFIG.debug
# Loopback stays allowed, so that health checks on the machine itself need no name.
ALLOWED_HOSTS = [*CONFIG.allowed_hosts, LOOPBACK, "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS = list(CONFIG.trusted_origins)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "finops.static.StaticConfig",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "axes",
    "finops",
    "finops.accounts",
    "finops.pricing",
    "finops.costing",
    "finops.invoices",
    "finops.focus",
    "finops.budgets",
    "finops.replay",
    "finops.demo",
    "ingest",
    "dashboards",
]

# From the outside in: a request has its id before anything can fail, and its headers whoever
# answers; the workspace is known once the user is.
MIDDLEWARE = [
    "finops.request_id.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "finops.security.headers_middleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "finops.accounts.access.workspace_middleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "finops.urls"
WSGI_APPLICATION = "finops.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CSRF_FAILURE_VIEW = "finops.error_pages.csrf_failure"

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
VALIDATORS = "django.contrib.auth.password_validation."
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {
        "NAME": VALIDATORS + "UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": VALIDATORS + "MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": VALIDATORS + "CommonPasswordValidator"},
    {"NAME": VALIDATORS + "NumericPasswordValidator"},
]

# Ten wrong passwords for one user from one address close that door for a quarter of an hour; what
# closes it to an address as a whole is in finops.accounts.throttle.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_USERNAME_CALLABLE = "finops.accounts.throttle.normal_username"
AXES_CLIENT_IP_CALLABLE = "finops.accounts.throttle.client_ip"
AXES_LOCKOUT_CALLABLE = "finops.accounts.throttle.locked_page"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = CONFIG.static_root
# plotly.min.js comes from the wheel: charts work with no network and no copy in the repository.
STATICFILES_DIRS = [("plotly", Path(plotly.__file__).parent / "package_data")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "finops.api.authentication.KeyAuthentication",
        "finops.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    # Counted in each web process; a page with ten charts, refreshed each 10 s, stays well below.
    "DEFAULT_THROTTLE_RATES": {"anon": "30/min", "user": "600/min"},
    "NUM_PROXIES": 1 if CONFIG.behind_tls_proxy else 0,
    "EXCEPTION_HANDLER": "finops.api.errors.handle_exception",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Inferledger API",
    "DESCRIPTION": "What LLM inference cost, for whom, and what of it was wasted.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    # Several answers have a field `kind`, each with choices of its own.
    "ENUM_NAME_OVERRIDES": {
        "GpuPriceKind": "finops.pricing.gpu_price.Kind",
        "PriceChangeKind": ["added", "removed", "changed"],
        "StatementKind": ["chargeback", "showback"],
    },
}

LOGGING = logging_settings(CONFIG)
configure_logging()

globals().update(BROKER)
globals().update(email_settings(CONFIG))
globals().update(security_settings(CONFIG))
