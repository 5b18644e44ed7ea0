"""Copies of tables which agents brought or took along: temporary, and too compressed to be searched."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from ecrm.kernel import files
from profiles.extensions.privacy import Fate, Personal, Subject
from profiles.models import Export, Import, ImportBlock, ImportFault, ImportKey

_OVER = "t.state IN ('done', 'failed', 'cancelled')"
OVER = ("done", "failed", "cancelled")
COPIES = _("Compressed copies can't be searched: those of all finished transfers are deleted.")


def transfers() -> tuple[Personal, ...]:
    """Imports and exports of tables."""
    return (
        Personal(
            key="profiles.importedcustomer",
            table="profiles_importedcustomer",
            label=_("Imports that brought the customer"),
            processing="identity",
            order=60,
            holdings=("profiles_importedcustomer.profile_id",),
            columns={
                "name": (
                    "(SELECT i.name FROM profiles_import i WHERE i.id = t.of_id)",
                    _("File"),
                ),
                "at": (
                    "(SELECT i.created_at FROM profiles_import i WHERE i.id = t.of_id)",
                    _("Date"),
                ),
            },
        ),
        Personal(
            key="profiles.import",
            table="profiles_import",
            label=_("Copies of imported tables"),
            processing="operations",
            order=62,
            where=f"{_OVER} AND t.samples <> '[]'::jsonb",
            fate=Fate.EMPTIED,
            carry_out=_forget_imports,
            why=COPIES,
            untold=_("Copies of what stands elsewhere, kept for a short time."),
        ),
        Personal(
            key="profiles.export",
            table="profiles_export",
            label=_("Copies of exported tables"),
            processing="operations",
            order=62,
            where=f"{_OVER} AND (t.file_id IS NOT NULL OR t.selection <> '{{}}'::jsonb)",
            fate=Fate.EMPTIED,
            carry_out=_forget_exports,
            why=COPIES,
            untold=_("Copies of what stands elsewhere, kept for a short time."),
        ),
    )


def _forget_imports(_subject: Subject) -> int:
    over = Import.objects.filter(state__in=OVER).exclude(samples=[])
    rows = list(over.order_by("pk"))
    ids = [row.pk for row in rows]
    for model in (ImportKey, ImportBlock, ImportFault):
        model._default_manager.filter(of__in=ids).delete()  # noqa: SLF001 - one of three models
    Import.objects.filter(pk__in=ids).update(samples=[], header=[], mapping=[], file=None)
    for row in rows:
        if row.file_id is not None:
            files.delete(row.file_id)
    return len(ids)


def _forget_exports(_subject: Subject) -> int:
    over = Export.objects.filter(state__in=OVER)
    rows = [row for row in over.order_by("pk") if row.file_id is not None or row.selection]
    Export.objects.filter(pk__in=[row.pk for row in rows]).update(file=None, selection={})
    for row in rows:
        if row.file_id is not None:
            files.delete(row.file_id)
    return len(rows)
