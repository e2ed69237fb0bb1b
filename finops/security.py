"""What browsers are told about security: cookies, transport, content and permissions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_INLINE
from django.http import HttpRequest, HttpResponse

from finops.config import Config

ONE_YEAR_S = 365 * 24 * 3600
TWO_WEEKS_S = 14 * 24 * 3600
# The hash of the empty string: Plotly adds an empty style element and fills it through the DOM.
EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
# The one style element that plotly.js 4.1.1 fills by text: the style sheet of its maps.
PLOTLY_MAP_STYLE = "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='"
UNUSED_FEATURES = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), payment=(), usb=()"
)

Respond = Callable[[HttpRequest], HttpResponse]


def security_settings(config: Config) -> dict[str, Any]:
    """Return Django's and django-csp's settings; TLS ones only where a proxy ends TLS for us."""
    tls = config.behind_tls_proxy
    # The __Host- prefix makes browsers refuse the cookie from a sibling domain or without TLS.
    prefix = "__Host-" if tls else ""
    return {
        "SESSION_COOKIE_NAME": f"{prefix}inferledger_session",
        "SESSION_COOKIE_AGE": TWO_WEEKS_S,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": tls,
        "CSRF_COOKIE_NAME": f"{prefix}inferledger_csrf",
        "CSRF_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_SECURE": tls,
        "SECURE_HSTS_SECONDS": ONE_YEAR_S if tls else 0,
        # Believed only where a proxy that we were told of sets it; anyone else could forge it.
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https") if tls else None,
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "SECURE_REFERRER_POLICY": "same-origin",
        "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
        "X_FRAME_OPTIONS": "DENY",
        "CONTENT_SECURITY_POLICY": {
            "DIRECTIVES": {
                "default-src": [SELF],
                "script-src": [SELF],
                "style-src": [SELF, EMPTY_STYLE, PLOTLY_MAP_STYLE],
                # Plotly sets style attributes on the marks that it draws
                "style-src-attr": [UNSAFE_INLINE],
                "img-src": [SELF, "data:", "blob:"],
                "object-src": [NONE],
                "base-uri": [NONE],
                "form-action": [SELF],
                "frame-ancestors": [NONE],
            },
        },
    }


def headers_middleware(get_response: Respond) -> Respond:
    """Add the headers that neither Django nor django-csp sets."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", UNUSED_FEATURES)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    return respond
