"""A table of new customers, checked and imported, beside a plain COPY of the same file."""

from __future__ import annotations

import csv
import io
import tempfile
import time
from collections.abc import Iterator
from threading import Event
from typing import IO, Any

from bench.figures import Figure, figure, tell
from bench.ground import Ground, connect

HEAD = (
    *("E-mail", "Prénom", "Nom", "Téléphone", "Date de naissance", "Pays"),
    *("Rue", "Code postal", "Ville", "Newsletter"),
)
OPTIONS = {"known": "complete", "date_order": "dmy", "country": "FR", "consent_source": "bench"}


def measure(ground: Ground, *, rows: int) -> Iterator[Figure]:
    """Rows per second: the raw limit, the check, and check and import together."""
    with tempfile.TemporaryFile() as file:
        size = _write(file, rows)
        raw = tell(figure("import.raw_copy", [rows / _raw(file) for _run in range(3)], "rows/s"))
        yield raw
        checked, imported = _import(ground, file, size=size, rows=rows)
    yield tell(figure("import.check", [rows / checked], "rows/s", beside=raw))
    yield tell(figure("import.rows", [rows / (checked + imported)], "rows/s", beside=raw))


def _write(file: IO[bytes], rows: int) -> int:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, delimiter=";")
    writer.writerow(HEAD)
    writer.writerows(_row(number) for number in range(rows))
    text.detach()
    return file.tell()


def _row(number: int) -> list[Any]:
    return [
        f"client.{number}@import.example.net",
        ("Ana", "Béatrice", "Chloé", "Émile")[number % 4],
        f"Durand{number % 5000}",
        f"06{number:08}",
        f"{number % 28 + 1:02}/{number % 12 + 1:02}/{1950 + number % 50}",
        "France",
        f"{number % 300 + 1} rue du Lac",
        f"{number % 90000 + 1000:05}",
        "Lyon",
        "oui" if number % 3 else "non",
    ]


def _raw(file: IO[bytes]) -> float:
    """Seconds of a COPY into a table of texts without an index, committed."""
    columns = ", ".join(f"c{number} text" for number in range(len(HEAD)))
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_people")
        cursor.execute(f"CREATE TABLE bench_people ({columns})")
        connection.commit()
        file.seek(0)
        begun = time.perf_counter()
        cursor.copy_expert("COPY bench_people FROM STDIN (FORMAT csv, HEADER, DELIMITER ';')", file)
        connection.commit()
        return time.perf_counter() - begun


def _import(ground: Ground, file: IO[bytes], *, size: int, rows: int) -> tuple[float, float]:
    from profiles.models import Import
    from profiles.services import imports

    row = imports.receive_import(
        "people.csv", file=file, size=size, shop_id=ground.shop_id, by=None
    )
    imports.prepare_import(row.pk, columns=row.options["guessed"], options=OPTIONS, by=None)
    checked = _work()
    imports.start_import(row.pk, by=None)
    imported = _work()
    row = Import.objects.get(pk=row.pk)
    if (row.state, row.created_count) != ("done", rows):
        raise RuntimeError(f"{row.created_count} of {rows} rows were imported: {row.error}")
    return checked, imported


def _work() -> float:
    from profiles.services import imports_working

    begun = time.perf_counter()
    while imports_working.work(Event()):
        pass
    return time.perf_counter() - begun
