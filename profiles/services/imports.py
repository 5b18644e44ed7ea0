"""What agents do with an import: bring a file, say what its columns mean, start, pause, give up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import IO, TYPE_CHECKING, Any

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from company.services import record_audit
from ecrm.kernel import doorbell, files, tables
from ecrm.kernel.errors import DomainError
from profiles.models import Import, ImportBlock, ImportFault, ImportKey, Segment
from profiles.queries import attributes, imports_planning
from profiles.queries.imports import IMPORT
from profiles.queries.segments import MANAGE_SEGMENT
from profiles.rules import imports as rules
from profiles.rules import imports_cells as cells
from profiles.rules import imports_guessing as guessing
from profiles.services import consents

if TYPE_CHECKING:
    from company.types import Agent

BELL = "transfers"
MOST_BYTES = 256 * 1024**2
KEPT = timedelta(days=30)
SAMPLES_KEPT = 20
_READ_BYTES = files.PART_BYTES


class NotYourImport(DomainError):
    """The agent may not import customers of this shop."""

    code = "not_your_import"


class FileTooLarge(DomainError):
    """The file is larger than we take in."""

    code = "file_too_large"
    status = 422


class UnusableMapping(DomainError):
    """The columns can't be understood like this; `fields` says why."""

    code = "unusable_mapping"
    status = 422


class ImportMovedOn(DomainError):
    """The import is not in the state in which this makes sense, perhaps since a second ago."""

    code = "import_moved_on"


def receive_import(
    name: str,
    *,
    file: IO[bytes],
    size: int,
    shop_id: int,
    by: Agent | None,
    at: datetime | None = None,
) -> Import:
    """Keep a file of customers and look at its titles and first rows; nothing else happens yet.

    Raises NotYourImport, FileTooLarge, UnusableTable.
    """
    _require_right(shop_id, by)
    if size > MOST_BYTES:
        text = _("The file is larger than %(number)s MB. Please divide it.")
        raise FileTooLarge(text % {"number": MOST_BYTES // 1024**2})
    table = tables.look(file)
    return _keep(name, file, table, shop_id=shop_id, by=by, at=at or now())


@transaction.atomic
def _keep(
    name: str,
    file: IO[bytes],
    table: tables.Table,
    *,
    shop_id: int,
    by: Agent | None,
    at: datetime,
) -> Import:
    kinds = {"csv": "text/csv", "xlsx": "application/vnd.ms-excel"}
    file.seek(0)
    stored = files.store(
        name,
        parts=_blocks(file),
        content_type=kinds[table.layout.kind],
        expires_at=at + KEPT,
        at=at,
    )
    custom = {row.key: str(row.label) for row in attributes.definitions()}
    return Import.objects.create(
        shop_id=shop_id,
        file=stored,
        name=name[:200],
        table=asdict(table.layout),
        header=_storable(table.header),
        samples=[_storable(row) for row in table.samples[:SAMPLES_KEPT]],
        options={
            "guessed": guessing.guess(table.header, table.samples, custom=custom),
            "date_order": guessing.date_order(table.samples),
        },
        total_count=table.expected,
        created_by_id=by.pk if by else None,
        created_at=at,
    )


def _storable(cells: Sequence[str]) -> list[str]:
    """Texts as PostgreSQL takes them: it knows no zero bytes."""
    return [cell.replace("\0", "\ufffd") for cell in cells]


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_READ_BYTES):
        yield block


@transaction.atomic
def prepare_import(
    import_id: int,
    *,
    columns: Sequence[str],
    options: Mapping[str, Any],
    segment_id: int | None = None,
    by: Agent | None,
) -> Import:
    """Say what the columns mean and what to do with known customers, and have all rows checked.

    May be said again until the import begins. Raises NotYourImport, UnusableMapping, ImportMovedOn.
    """
    row = _locked(import_id, by)
    if row.is_importing or row.is_over:
        raise ImportMovedOn(_("This import has begun already."))
    _require_sense(row, columns, options)
    _require_list(row, segment_id, by)
    _forget_check(row)
    row.mapping, row.options, row.segment_id = list(columns), dict(options), segment_id
    row.stage, row.state = Import.Stage.CHECKING, Import.State.WORKING
    row.position = row.done_count = row.attempts = 0
    row.new_count = row.known_count = row.repeated_count = row.faulty_count = 0
    row.lease_token = row.lease_until = None
    row.save()
    doorbell.ring(BELL)
    return row


@transaction.atomic
def start_import(import_id: int, *, by: Agent | None, at: datetime | None = None) -> Import:
    """Let a checked import begin. Raises NotYourImport, ImportMovedOn, UnusableMapping; audited."""
    row = _locked(import_id, by)
    if not row.is_ready:
        raise ImportMovedOn(_("This import is not ready, or has begun already."))
    moment = at or now()
    row.options = {**row.options, "wordings": _wordings(row, moment)}
    row.state, row.started_at = Import.State.WORKING, moment
    row.save(update_fields=["options", "state", "started_at"])
    record_audit(
        action="profiles.customers-imported",
        target=f"import:{row.pk}",
        by=by,
        shop_id=row.shop_id,
        changes={"rows": row.total_count - row.faulty_count, "known": row.options["known"]},
        at=moment,
    )
    doorbell.ring(BELL)
    return row


@transaction.atomic
def pause_import(import_id: int, *, by: Agent | None) -> None:
    """Stop after the rows that are being written. Raises NotYourImport, ImportMovedOn."""
    _move(import_id, Import.State.WORKING, Import.State.PAUSED, by)


@transaction.atomic
def resume_import(import_id: int, *, by: Agent | None) -> None:
    """Go on where a paused import stopped. Raises NotYourImport, ImportMovedOn."""
    _move(import_id, Import.State.PAUSED, Import.State.WORKING, by)
    doorbell.ring(BELL)


@transaction.atomic
def cancel_import(import_id: int, *, by: Agent | None, at: datetime | None = None) -> None:
    """Give an import up; what it has written stays. Raises NotYourImport, ImportMovedOn; audited."""
    row = _locked(import_id, by)
    if row.is_over:
        raise ImportMovedOn(_("This import is over."))
    row.state, row.finished_at = Import.State.CANCELLED, at or now()
    row.save(update_fields=["state", "finished_at"])
    forget_rows(row)
    record_audit(
        action="profiles.import-cancelled",
        target=f"import:{row.pk}",
        by=by,
        shop_id=row.shop_id,
        changes={"rows": row.done_count if row.is_importing else 0},
        at=at,
    )


@transaction.atomic
def forget_rows(row: Import) -> None:
    """Forget what an import no longer needs: rows that nobody will ask for again."""
    ImportKey.objects.filter(of=row).delete()
    blocks = ImportBlock.objects.filter(of=row)
    faulty = ImportFault.objects.filter(of=row).values_list("row", flat=True)
    needed = {number - (number - 1) % imports_planning.BATCH for number in faulty.iterator()}
    blocks.exclude(first_row__in=needed).delete()
    blocks.update(understood=None)


@transaction.atomic
def purge_imports(*, at: datetime) -> int:
    """Forget the content of imports whose files' time is over. Returns how many."""
    old = Import.objects.filter(created_at__lte=at - KEPT).exclude(samples=[])
    ids = list(old.order_by("pk").values_list("pk", flat=True)[: files.PURGED_AT_ONCE])
    for model in (ImportKey, ImportBlock, ImportFault):
        model.objects.filter(of__in=ids).delete()
    unfinished = Import.objects.filter(pk__in=ids, finished_at=None)
    unfinished.update(state=Import.State.CANCELLED, finished_at=at)
    Import.objects.filter(pk__in=ids).update(samples=[], header=[], mapping=[])
    return len(ids)


# --- What makes sense -----------------------------------------------------------------------------


def _locked(import_id: int, by: Agent | None) -> Import:
    row = Import.objects.select_for_update(of=("self",)).get(pk=import_id)
    _require_right(row.shop_id, by)
    return row


def _require_right(shop_id: int, by: Agent | None) -> None:
    if by is not None and not company.may(by, IMPORT, shop_id=shop_id):
        raise NotYourImport(_("You may not import customers of this shop."))


def _move(import_id: int, before: str, after: str, by: Agent | None) -> None:
    row = _locked(import_id, by)
    if row.state != before:
        raise ImportMovedOn(_("This import has moved on meanwhile."))
    row.state, row.lease_token, row.lease_until = after, None, None
    row.save(update_fields=["state", "lease_token", "lease_until"])


def _forget_check(row: Import) -> None:
    ImportKey.objects.filter(of=row).delete()
    ImportFault.objects.filter(of=row).delete()
    if not row.is_read:
        ImportBlock.objects.filter(of=row).delete()


def _require_sense(row: Import, columns: Sequence[str], options: Mapping[str, Any]) -> None:
    faults: dict[str, str] = {}
    known = set(rules.FIELDS) | {f"{rules.ATTRIBUTE}{a.key}" for a in attributes.definitions()}
    if len(columns) != len(row.header) or not known.issuperset(name for name in columns if name):
        faults["columns"] = _("A column stands for something that does not exist any more.")
    if not set(rules.IDENTIFYING).intersection(columns):
        text = _(
            "Say which column holds the e-mail address, the telephone number or the customer id."
        )
        faults["columns"] = text
    repeated = {
        name
        for number, name in enumerate(columns)
        if name and name not in rules.REPEATABLE and name in columns[:number]
    }
    if repeated:
        faults["columns"] = _("Two columns stand for the same. Choose one of them.")
    if options.get("known") not in rules.KNOWN:
        faults["known"] = _("Say what happens to customers we know.")
    if options.get("date_order") not in cells.DATE_ORDERS:
        faults["date_order"] = _("Say how days are written.")
    if set(rules.CONSENTS).intersection(columns):
        if not str(options.get("consent_source", "")).strip():
            faults["consent_source"] = _("Say where these consents were given.")
        if options.get("consent_on", "") > now().date().isoformat():
            faults["consent_on"] = _("This lies in the future.")
    if faults:
        raise UnusableMapping(_("Please correct the marked fields."), fields=faults)


def _require_list(row: Import, segment_id: int | None, by: Agent | None) -> None:
    if segment_id is None:
        return
    found = Segment.objects.in_use().filter(pk=segment_id, kind=Segment.Kind.STATIC).first()
    is_open = found is not None and (
        by is None or company.may(by, MANAGE_SEGMENT, shop_id=found.shop_id)
    )
    if found is None or not is_open or found.shop_id not in {None, row.shop_id}:
        text = _("Choose a list of this shop or of the company.")
        raise UnusableMapping(_("Please correct the marked fields."), fields={"segment": text})


def _wordings(row: Import, at: datetime) -> dict[str, int]:
    """The wording of each consent that the rows tell, by channel."""
    evidence = consents.Evidence(
        source="import",
        version=row.options.get("wording_version", ""),
        text=row.options.get("wording_text", ""),
    )
    found = {}
    for name in rules.CONSENTS:
        if name in row.mapping:
            channel = name.removeprefix(rules.CONSENT)
            wording = consents.keep_wording(
                row.shop_id, channel=channel, purpose="marketing", evidence=evidence, at=at
            )
            if wording is not None:
                found[channel] = wording.pk
    return found
