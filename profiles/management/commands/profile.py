"""Data protection from the command line: what we know of somebody, erasing him, and doing so again."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentTypeError
from datetime import datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_naive, make_aware, now

from ecrm.kernel.errors import DomainError
from profiles import queries
from profiles.queries import privacy, tombstones
from profiles.rules.erased import Erased, as_line, from_line
from profiles.services import erasing, erasing_again, handing_out

SOURCE = "command"


class Command(BaseCommand):
    help = (
        "profile export EMAIL [--to FOLDER]: everything we know of a customer, as JSON (to standard output, "
        "or with a page to read and his files into a folder). "
        "profile erase EMAIL [--dry-run]: erase a customer, or only say what that would do, as JSON. "
        "profile erased [--since MOMENT]: who was erased, one line each, without personal data; kept outside "
        "of the database for the day when an older backup is restored. "
        "profile erase --again FILE: erase whoever stands in such a list (- reads it from standard input)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["export", "erase", "erased"])
        parser.add_argument("email", nargs="?", default="", help="an address of the customer")
        parser.add_argument("--to", help="export: a folder for the files")
        parser.add_argument("--dry-run", action="store_true", help="erase: change nothing")
        parser.add_argument("--again", metavar="FILE", help="erase: everybody of this list")
        parser.add_argument("--since", type=_moment, help="erased: not earlier, e.g. 2026-11-22")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["action"] == "erased":
            self._list(options["since"])
        elif options["again"]:
            self._erase_again(options["again"])
        else:
            self._one(options)

    def _one(self, options: dict[str, Any]) -> None:
        profile_id = queries.find_by_email(options["email"])
        if profile_id is None:
            raise CommandError("No customer has this address.")
        try:
            if options["action"] == "export":
                self._export(profile_id, options["to"])
            elif options["dry_run"]:
                self._foresee(profile_id)
            else:
                self._erase(profile_id)
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal

    def _export(self, profile_id: int, folder: str | None) -> None:
        copy = handing_out.prepare(profile_id, by=None, source=SOURCE)
        if folder is None:
            for part in handing_out.as_json(copy):
                sys.stdout.write(part.decode())
            return
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        written = []
        for name, parts in handing_out.files(copy):
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.writelines(parts)
            written.append(str(path))
        self.stdout.write(json.dumps({"request": copy.request_id, "files": written}))

    def _foresee(self, profile_id: int) -> None:
        subject = privacy.subject_of(profile_id, at=now())
        self._report(privacy.foresee(subject), is_dry_run=True)

    def _erase(self, profile_id: int) -> None:
        row = erasing.erase(profile_id, by=None, source=SOURCE)
        self._report(
            privacy.report_of(row),
            is_dry_run=False,
            request=row.pk,
            erased_at=row.answered_at and row.answered_at.isoformat(),
        )

    def _list(self, since: datetime | None) -> None:
        for erased in tombstones.erased_people(since=since):
            self.stdout.write(as_line(erased))

    def _erase_again(self, path: str) -> None:
        """Everybody who can be erased is; whoever cannot is named by number, and the exit tells."""
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        again, failed = 0, []
        for erased in _people(text):
            try:
                again += erasing_again.erase_again(erased)
            except (DomainError, DatabaseError) as failure:
                failed.append(f"customer {erased.profile_id}: {type(failure).__name__}")
        self.stdout.write(json.dumps({"erased_again": again, "failed": failed}))
        if failed:
            raise CommandError(f"{len(failed)} could not be erased. The same command tries again.")

    def _report(self, lines: list[privacy.Line], **about: Any) -> None:
        rows = [
            {
                "key": line.key,
                "what": line.label,
                "fate": line.fate,
                "rows": line.count,
                "why": line.why,
            }
            for line in lines
            if line.count
        ]
        self.stdout.write(json.dumps({**about, "data": rows}, ensure_ascii=False, indent=2))


def _people(text: str) -> list[Erased]:
    """All lines, before anybody is erased: a damaged list is refused whole."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                found.append(from_line(line))
            except ValueError as error:
                raise CommandError(f"Line {number} is none of `profile erased`.") from error
    return found


def _moment(text: str) -> datetime:
    try:
        day = parse_date(text)
        moment = datetime.combine(day, time()) if day else parse_datetime(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is no date") from error
    if moment is None:
        raise ArgumentTypeError("a date, or a date and time such as 2026-11-22T09:00")
    return make_aware(moment) if is_naive(moment) else moment
