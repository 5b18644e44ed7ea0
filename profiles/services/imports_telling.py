"""Telling whoever brought a file that it is imported."""

from __future__ import annotations

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_noop

from backoffice import services as backoffice
from profiles.models import Import

FINISHED = gettext_noop("%(name)s is imported: %(created)s new customers, %(faulty)s faulty rows")


@transaction.atomic
def tell_importer(import_id: int) -> None:
    """Notify the agent who started the import, if he is still there."""
    row = Import.objects.get(pk=import_id)
    if row.created_by_id is None:
        return
    backoffice.notify(
        row.created_by_id,
        kind="import",
        title_key=FINISHED,
        values={
            "name": row.name,
            "created": row.created_count,
            "faulty": row.faulty_count + row.refused_count,
        },
        url=reverse("profiles:import-page", args=[row.pk]),
        dedupe_key=f"import:{row.pk}",
    )
