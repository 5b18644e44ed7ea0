"""One server for HTTP and WebSocket (docs/adr/0003-embedded-services.md).

HTTP goes to Django's WSGI handler in fixed pools of threads, so that database connections persist
(docs/adr/0009-thread-pool.md); WebSocket goes to Channels. Request bodies are taken in whole before a
thread is spent on them.
"""

from __future__ import annotations

import gc
import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecrm.settings")
_django = get_wsgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402 - Django must be set up first
from django.conf import settings  # noqa: E402

from ecrm.kernel.web.bodies import BufferedBodies  # noqa: E402
from ecrm.kernel.web.threads import ThreadedPages  # noqa: E402
from ecrm.urls import websocket_urlpatterns  # noqa: E402

PROGRAM_PATHS = ("/api/v1/", "/v1/")

application = ProtocolTypeRouter(
    {
        "http": BufferedBodies(
            ThreadedPages(_django, program_paths=PROGRAM_PATHS),
            limit=settings.ECRM_MAX_BODY,
            larger=settings.ECRM_LARGER_BODIES,
        ),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
        ),
    }
)

# What is loaded by now stays: looking through it for garbage would stop a page for a tenth of a second.
gc.freeze()
