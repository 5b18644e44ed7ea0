"""Files in the database: there as soon as the row that speaks of them, gone when their time is over.

Kept in parts, so that a file of any size is written and read a piece at a time, by any machine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO

from django.db import transaction
from django.db.models import F
from django.utils.timezone import now

from ecrm.kernel.models import FilePart, StoredFile

PART_BYTES = 1024 * 1024
SPOOLED_BYTES = 8 * 1024 * 1024
PURGED_AT_ONCE = 20


@transaction.atomic
def store(
    name: str,
    *,
    parts: Iterable[bytes],
    content_type: str,
    expires_at: datetime,
    at: datetime | None = None,
) -> StoredFile:
    """A file of these parts, which is deleted when its time is over."""
    row = StoredFile.objects.create(
        name=name[:200], content_type=content_type, expires_at=expires_at, created_at=at or now()
    )
    for part in parts:
        append(row.pk, part)
    row.refresh_from_db()
    return row


@transaction.atomic(savepoint=False)
def append(file_id: int, part: bytes) -> None:
    """Add a part to the end of a file. Raises StoredFile.DoesNotExist."""
    row = StoredFile.objects.select_for_update(of=("self",)).get(pk=file_id)
    FilePart.objects.create(file=row, number=row.parts_count, body=part)
    StoredFile.objects.filter(pk=file_id).update(
        parts_count=F("parts_count") + 1, size=F("size") + len(part)
    )


def parts(file_id: int) -> Iterator[bytes]:
    """The parts of a file in their order, one query for each."""
    numbers = FilePart.objects.filter(file_id=file_id).order_by("number")
    for number in list(numbers.values_list("number", flat=True)):
        yield bytes(FilePart.objects.get(file_id=file_id, number=number).body)


@contextmanager
def local_copy(file_id: int) -> Iterator[IO[bytes]]:
    """The file as one that can be read back and forth, as long as the context lasts."""
    with tempfile.SpooledTemporaryFile(max_size=SPOOLED_BYTES) as copy:
        for part in parts(file_id):
            copy.write(part)
        copy.seek(0)
        yield copy


@transaction.atomic
def delete(file_id: int) -> None:
    """Forget a file and what it holds."""
    FilePart.objects.filter(file_id=file_id).delete()
    StoredFile.objects.filter(pk=file_id).delete()


def purge(*, at: datetime) -> int:
    """Delete some of the files whose time is over. Returns how many."""
    expired = StoredFile.objects.filter(expires_at__lte=at).order_by("expires_at")
    ids = list(expired.values_list("pk", flat=True)[:PURGED_AT_ONCE])
    for file_id in ids:
        delete(file_id)
    return len(ids)
