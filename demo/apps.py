from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings


class DemoConfig(AppConfig):
    name = "demo"
    verbose_name = "Demo"

    def ready(self) -> None:
        from demo import tasks  # noqa: F401

        if settings.ECRM_DEMO:
            from demo.web import contributions

            contributions.register()
