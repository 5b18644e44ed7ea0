"""Tables of customers to take along: asked for, written block by block, kept for a week."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from backoffice import services as backoffice
from company import queries as company
from company.services import record_audit
from ecrm.kernel import doorbell, files, longwork, outbox, spreadsheets, workbooks
from ecrm.kernel.errors import DomainError
from ecrm.kernel.longwork import Lease, LeaseLost
from ecrm.kernel.spreadsheets import Cell
from profiles.events import ExportFinished
from profiles.models import Export
from profiles.queries import exports as queries
from profiles.queries.listing import Selection
from profiles.services.imports import BELL

if TYPE_CHECKING:
    from company.types import Agent

BATCH = 1000
KEPT = timedelta(days=7)
MOST_WAITING = 5
GIVEN_UP = gettext_noop("This export stopped again and again at the same place.")
READY = gettext_noop("Your table of %(rows)s customers is ready")
CONTENT_TYPES = {
    Export.Kind.CSV: "text/csv; charset=utf-8",
    Export.Kind.XLSX: workbooks.CONTENT_TYPE,
}


class NotYoursToExport(DomainError):
    """The agent may not take customers of these shops along."""

    code = "not_yours_to_export"


class TooManyExports(DomainError):
    """Several tables of this agent are being written already."""

    code = "too_many_exports"


class ExportIsOver(DomainError):
    """There is nothing to cancel any more."""

    code = "export_is_over"


@transaction.atomic
def request_export(
    kind: str,
    *,
    shop_ids: Sequence[int],
    selection: Selection,
    by: Agent,
    at: datetime | None = None,
) -> Export:
    """Have a table of the customers of these shops written, narrowed as a list was; audited.

    The audit log keeps choices, never words that were searched for. Raises NotYoursToExport,
    TooManyExports.
    """
    allowed = company.shop_ids(by, queries.EXPORT) & company.shop_ids(by, queries.VIEW)
    if not shop_ids or not allowed.issuperset(shop_ids) or kind not in Export.Kind.values:
        raise NotYoursToExport(_("You may not export customers of these shops."))
    waiting = Export.objects.filter(created_by_id=by.pk, state=Export.State.WORKING)
    if waiting.count() >= MOST_WAITING:
        raise TooManyExports(_("Please wait until your other tables are ready."))
    moment = at or now()
    row = Export.objects.create(
        kind=kind,
        shop_ids=sorted(shop_ids),
        selection=queries.selection_as_json(selection),
        language=translation.get_language() or "en",
        timezone=timezone.get_current_timezone_name(),
        state=Export.State.WORKING,
        created_by_id=by.pk,
        created_at=moment,
    )
    record_audit(
        action="profiles.customers-exported",
        target=f"export:{row.pk}",
        by=by,
        shop_id=shop_ids[0] if len(shop_ids) == 1 else None,
        changes={"format": kind, "segment": selection.segment_id or ""},
        at=moment,
    )
    doorbell.ring(BELL)
    return row


@transaction.atomic
def cancel_export(export_id: int, *, at: datetime | None = None) -> None:
    """Stop writing a table and forget what was written. Raises ExportIsOver, Export.DoesNotExist."""
    row = Export.objects.select_for_update(of=("self",)).get(pk=export_id)
    if row.is_over:
        raise ExportIsOver(_("This table is finished already."))
    file_id = row.file_id
    row.state, row.finished_at, row.file = Export.State.CANCELLED, at or now(), None
    row.save(update_fields=["state", "finished_at", "file"])
    if file_id is not None:
        files.delete(file_id)


def content(row: Export) -> Iterator[bytes]:
    """The bytes of a finished table, a part at a time."""
    if row.file_id is None:
        return iter(())
    parts = files.parts(row.file_id)
    return workbooks.zipped(parts) if row.kind == Export.Kind.XLSX else parts


@transaction.atomic
def tell_exporter(export_id: int) -> None:
    """Notify the agent who asked for a table."""
    row = Export.objects.get(pk=export_id)
    backoffice.notify(
        row.created_by_id,
        kind="export",
        title_key=READY,
        values={"rows": row.done_count},
        url=reverse("profiles:export-page", args=[row.pk]),
        dedupe_key=f"export:{row.pk}",
    )


@transaction.atomic
def purge_exports(*, at: datetime) -> int:
    """Forget tables that were asked for long ago; their files are gone by then. Returns how many."""
    old = Export.objects.filter(created_at__lte=at - 2 * KEPT)
    return old.delete()[0]


# --- Writing --------------------------------------------------------------------------------------


def work(stop: Event, *, at: datetime | None = None) -> bool:
    """Write the table that waits longest until it is done or the event is set. False when there is none."""
    lease = longwork.claim(Export, given_up=GIVEN_UP, at=at)
    if lease is None:
        return False
    try:
        while not stop.is_set() and (row := lease.row()):
            _write_block(lease, row, at or now())
    except LeaseLost:
        return True
    finally:
        lease.release()
    return True


@transaction.atomic
def _write_block(lease: Lease[Export], row: Export, at: datetime) -> None:
    """One more block of the file, in the language and time zone of who asked."""
    with translation.override(row.language), timezone.override(row.timezone):
        if row.file_id is None:
            _begin(lease, row, at)
            return
        found = queries.rows_after(row, limit=BATCH)
        if not found:
            lease.end(row, state=Export.State.DONE, at=at, total_count=row.done_count)
            outbox.publish(ExportFinished(export_id=row.pk, rows=row.done_count), at=at)
            return
        files.append(row.file_id, _text(row, [cells for _id, cells in found]))
        done = row.done_count + len(found)
        lease.advance(
            row,
            at=at,
            position=found[-1][0],
            done_count=done,
            total_count=max(done, row.total_count),
        )


def _begin(lease: Lease[Export], row: Export, at: datetime) -> None:
    head = _text(row, [queries.head()])
    is_csv = row.kind == Export.Kind.CSV
    file = files.store(
        f"customers-{timezone.localtime(row.created_at):%Y-%m-%d}.{row.kind}",
        parts=[spreadsheets.BYTE_ORDER_MARK.encode() + head if is_csv else head],
        content_type=CONTENT_TYPES[Export.Kind(row.kind)],
        expires_at=at + KEPT,
        at=at,
    )
    lease.advance(row, at=at, file=file, total_count=queries.count(row))


def _text(row: Export, rows: Sequence[Sequence[Cell]]) -> bytes:
    zone = ZoneInfo(row.timezone)
    if row.kind == Export.Kind.XLSX:
        return workbooks.rows_xml(rows, zone=zone).encode()
    return spreadsheets.csv_text(rows, has_comma=spreadsheets.writes_comma(), zone=zone).encode()
