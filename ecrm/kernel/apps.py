from __future__ import annotations

from django.apps import AppConfig


class KernelConfig(AppConfig):
    name = "ecrm.kernel"
    label = "kernel"
    verbose_name = "Kernel"

    def ready(self) -> None:
        """Load every module's reactions, loops and jobs."""
        from django.utils.module_loading import autodiscover_modules

        from ecrm.kernel import checks  # noqa: F401 - checks register themselves

        autodiscover_modules("subscribers", "tasks")
