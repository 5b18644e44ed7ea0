"""How the pieces are put together: every address of the product."""

from __future__ import annotations

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from backoffice.realtime.urls import websocket_urlpatterns
from company.web import shops as company_shops
from ecrm.kernel import access
from ecrm.kernel.web import health

# The viewer of the API's documentation styles its parts inline.
_with_inline_styles = csp_update({"style-src": [UNSAFE_INLINE]})

urlpatterns: list[URLPattern | URLResolver] = [
    # First, because a request is compared with all that stands before its own.
    path("api/v1/", include("orders.api.urls")),
    path("livez", health.live, name="livez"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", health.prometheus, name="metrics"),
    path("api/schema/", access.public(SpectacularAPIView.as_view()), name="api-schema"),
    path(
        "api/docs/",
        access.public(
            _with_inline_styles(SpectacularSwaggerSplitView.as_view(url_name="api-schema"))
        ),
        name="api-docs",
    ),
    path("api/v1/", include("profiles.api.urls")),
    path("api/v1/", include("contacts.api.urls")),
    path("v1/", include("profiles.api.tracking_urls")),
    path("settings/", include("company.web.urls")),
    path("customers/", include("profiles.web.urls")),
    path("consent/", include("profiles.web.public_urls")),
    path("orders/", include("orders.web.urls")),
    path("mail/", include("messaging.web.urls")),
    path("preferences/", include("messaging.web.public_urls")),
    path("t/", include("messaging.web.tracking_urls")),
    path("inbox/", include("contacts.web.urls")),
    path("hooks/esp/", include("messaging.web.hook_urls")),
    path("hooks/sms/", include("messaging.web.sms_hook_urls")),
    path("rating/", include("contacts.web.public_urls")),
    path("demo/", include("demo.web.urls")),
    path("logos/<slug:key>/", company_shops.logo, name="logo"),
    path("login/", include("company.web.login_urls")),
    path("", include("backoffice.web.urls")),
]

__all__ = ["urlpatterns", "websocket_urlpatterns"]
