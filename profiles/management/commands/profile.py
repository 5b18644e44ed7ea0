"""Data protection from the command line: what we know of somebody, and erasing him."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from ecrm.kernel.errors import DomainError
from profiles import queries
from profiles.queries import privacy
from profiles.services import erasing, handing_out

SOURCE = "command"


class Command(BaseCommand):
    help = (
        "profile export EMAIL [--to FOLDER]: everything we know of a customer, as JSON (to standard output, "
        "or with a page to read and his files into a folder). "
        "profile erase EMAIL [--dry-run]: erase a customer, or only say what that would do, as JSON."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["export", "erase"])
        parser.add_argument("email", help="an address of the customer")
        parser.add_argument("--to", help="export: a folder for the files")
        parser.add_argument("--dry-run", action="store_true", help="erase: change nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
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
