"""The Celery application: a doorbell and a clock; the work itself lies in PostgreSQL."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecrm.settings")

app = Celery("ecrm")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["ecrm.kernel"])
