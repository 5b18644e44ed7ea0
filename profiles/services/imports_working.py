"""Checking and importing tables in the background, a block of rows at a time.

A block's effect and the position after it commit together: whoever is killed, paused or overtaken leaves
nothing half done, and the next worker begins with the next block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from itertools import islice
from threading import Event
from typing import TypeAlias

from django.db import connection, transaction
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext_noop

from ecrm.kernel import files, longwork, outbox, tables
from ecrm.kernel.garbage import uncollected
from ecrm.kernel.longwork import Lease, LeaseLost
from profiles.events import ImportFinished
from profiles.models import Import, ImportBlock, ImportFault, ImportKey
from profiles.queries import attributes
from profiles.queries import imports_planning as planning
from profiles.rules import imports_packing as packing
from profiles.rules.imports import FaultyCell
from profiles.rules.imports_reader import Reading
from profiles.services import imports as deeds
from profiles.services import imports_deciding as deciding
from profiles.services import imports_reading as reading
from profiles.services import imports_turns as turns
from profiles.services import imports_writing as writing
from profiles.services.imports_keeping import Errand
from profiles.services.imports_reading import Unpacked
from profiles.services.imports_turns import Overtaken, Turn

GIVEN_UP = gettext_noop("This import stopped again and again at the same place.")
NO_FILE = gettext_noop("The file is not kept any more. Please upload it again.")
ERASED = "erased"

Rows: TypeAlias = Sequence[Sequence[str]]


def work(stop: Event, *, at: datetime | None = None) -> bool:
    """Work on the import that waits longest until it is done, paused, or the event is set.

    False when there was none.
    """
    lease = longwork.claim(Import, given_up=GIVEN_UP, at=at)
    if lease is None:
        return False
    try:
        with translation.override(_language(lease)):
            _work(lease, stop, at)
    except LeaseLost:
        return True
    finally:
        lease.release()
    return True


def _language(lease: Lease[Import]) -> str | None:
    """That of whoever brought the file: a file that can't be read says why in words."""
    row = lease.row()
    return row.created_by.language if row and row.created_by else None


def _work(lease: Lease[Import], stop: Event, at: datetime | None) -> None:
    row = lease.row()
    if row is not None and row.stage == Import.Stage.CHECKING:
        _check(lease, row, stop, at)
    elif row is not None:
        _import(lease, row, stop, at)


# --- Checking -------------------------------------------------------------------------------------


def _check(lease: Lease[Import], row: Import, stop: Event, at: datetime | None) -> None:
    """Understand every row and count whose it is; a file that can't be read to its end fails."""
    plan = planning.plan_of(row)
    try:
        with _blocks(row) as blocks:
            read = reading.understood(
                blocks, first_row=row.position + 1, plan=plan, expected=row.total_count
            )
            with closing(read):
                for cells, found in read:
                    _check_block(lease, cells, found, at or now())
                    if stop.is_set():
                        return
    except tables.UnusableTable as refusal:
        _fail(lease, refusal.message, at or now())
        return
    _finish_check(lease, at or now())


@contextmanager
def _blocks(row: Import) -> Iterator[Iterator[Rows]]:
    """The blocks which were not checked yet: of the file, or as they were kept when it was read before."""
    if row.is_read:
        yield _kept_blocks(row)
    elif row.file_id is None:
        raise tables.UnusableTable(NO_FILE)
    else:
        with files.local_copy(row.file_id) as file:
            layout = tables.Layout(**row.table)
            cells = tables.rows(file, layout, width=len(row.header))
            yield _in_blocks(islice(cells, row.position, None))


def _in_blocks(cells: Iterator[list[str]]) -> Iterator[Rows]:
    while block := list(islice(cells, planning.BATCH)):
        yield block


def _kept_blocks(row: Import) -> Iterator[Rows]:
    position = row.position
    while block := planning.block_at(row.pk, position + 1):
        yield packing.unpacked(block.raw)
        position += block.rows_count


@uncollected()
@transaction.atomic
def _check_block(lease: Lease[Import], cells: Rows, found: Reading, at: datetime) -> None:
    _commit_without_waiting()
    row = _row(lease)
    people, faults, kept = found.named, found.faults, found.understood
    if gone := deciding.erased(people):
        faults = [
            *faults,
            *((number, [FaultyCell(column=-1, code=ERASED)]) for number in sorted(gone)),
        ]
        people = [person for person in people if person.row not in gone]
        said = packing.people_of(kept)
        kept = packing.packed_people(person for person in said if person.row not in gone)
    _note_faults(row, faults)
    _keep_block(row, cells, kept)
    counted = deciding.forecast(row.pk, people=people)
    position = row.position + len(cells)
    lease.advance(
        row,
        at=at,
        position=position,
        done_count=position,
        total_count=max(position, row.total_count),
        new_count=row.new_count + counted.new,
        known_count=row.known_count + counted.known,
        repeated_count=row.repeated_count + counted.repeated,
        faulty_count=row.faulty_count + len(faults),
    )


def _commit_without_waiting() -> None:
    """Let the disk catch up later: a block that a crash of the database loses is done again."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def _row(lease: Lease[Import]) -> Import:
    row = lease.row()
    if row is None:
        raise LeaseLost
    return row


def _note_faults(row: Import, faults: Sequence[tuple[int, list[FaultyCell]]]) -> None:
    ImportFault.objects.bulk_create(
        ImportFault(
            of=row,
            row=number,
            stage=row.stage,
            reasons=[[fault.column, fault.code, fault.cell] for fault in found],
        )
        for number, found in faults
    )


def _keep_block(row: Import, cells: Rows, understood: bytes) -> None:
    if row.is_read:
        kept = ImportBlock.objects.filter(of=row, first_row=row.position + 1)
        kept.update(understood=understood)
    else:
        ImportBlock.objects.create(
            of=row,
            first_row=row.position + 1,
            rows_count=len(cells),
            raw=packing.packed(cells),
            understood=understood,
        )


@transaction.atomic
def _finish_check(lease: Lease[Import], at: datetime) -> None:
    row = _row(lease)
    ImportKey.objects.filter(of=row).delete()
    lease.end(
        row,
        state=Import.State.RESTING,
        at=at,
        stage=Import.Stage.IMPORTING,
        is_read=True,
        total_count=row.position,
        position=0,
        done_count=0,
    )


@transaction.atomic
def _fail(lease: Lease[Import], reason: str, at: datetime) -> None:
    row = _row(lease)
    lease.end(row, state=Import.State.FAILED, at=at, error=reason[:500])
    deeds.forget_rows(row)


# --- Importing ------------------------------------------------------------------------------------


def _import(lease: Lease[Import], row: Import, stop: Event, at: datetime | None) -> None:
    """Write the blocks from the row's position on, and end the work when that was the last."""
    first_row, turn = row.position + 1, None
    with reading.unpacked_ahead(lease.pk) as block_at, turns.hands(row.total_count) as give:
        while not stop.is_set() and lease.row() and (block := block_at(first_row)):
            turn = Turn(keys=block.keys, after=turn)
            give(partial(_import_block, lease, block, turn, at or now()))
            first_row += block.rows_count
    if not stop.is_set():
        _finish(lease, at or now())


@uncollected()
def _import_block(lease: Lease[Import], block: Unpacked, turn: Turn, at: datetime) -> None:
    turn.begin()
    try:
        for _attempt in range(writing.ATTEMPTS):
            try:
                _take(lease, block, turn, at)
            except Overtaken:
                turn.yield_way()
            else:
                return
    finally:
        turn.end()


@transaction.atomic
def _take(lease: Lease[Import], block: Unpacked, turn: Turn, at: datetime) -> None:
    _commit_without_waiting()
    outcome = writing.write(block.people, errand=_errand(_row(lease)), turn=turn, at=at)
    row = _row(lease)
    if row.position + 1 != block.first_row:  # the block before was not written
        raise LeaseLost
    _note_faults(
        row, [(number, [FaultyCell(column=-1, code=ERASED)]) for number in sorted(outcome.refused)]
    )
    position = row.position + block.rows_count
    lease.advance(
        row,
        at=at,
        position=position,
        done_count=position,
        created_count=row.created_count + outcome.created,
        changed_count=row.changed_count + outcome.changed,
        left_count=row.left_count + outcome.left,
        refused_count=row.refused_count + len(outcome.refused),
    )


def _errand(row: Import) -> Errand:
    answered_on = row.options.get("consent_on")
    return Errand(
        import_id=row.pk,
        shop_id=row.shop_id,
        known=row.options["known"],
        attribute_ids={a.key: a.pk for a in attributes.all_definitions()},
        consent={
            "wordings": row.options.get("wordings", {}),
            "reason": row.options.get("consent_source", "")[:500],
            "proof": f"import:{row.pk}",
            "answered_at": answered_on or row.started_at,
        },
        segment_id=row.segment_id,
    )


@transaction.atomic
def _finish(lease: Lease[Import], at: datetime) -> None:
    row = _row(lease)
    if row.position < row.total_count:
        return
    lease.end(row, state=Import.State.DONE, at=at)
    deeds.forget_rows(row)
    event = ImportFinished(
        import_id=row.pk,
        shop_id=row.shop_id,
        created=row.created_count,
        changed=row.changed_count,
        faulty=row.faulty_count + row.refused_count,
    )
    outbox.publish(event, at=at)
