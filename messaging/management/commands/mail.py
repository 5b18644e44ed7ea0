"""`manage.py mail inspect FILE…` and `manage.py mail ingest --mailbox ADDRESS FILE…`."""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ecrm.kernel import outbox
from messaging import queries, services
from messaging.mime import reading as mime_reading
from messaging.mime.structure import Unreadable
from messaging.models import RawMail
from messaging.services import reading
from messaging.transports.reader import MailReader

PATIENCE_SECONDS = 10.0


class Command(BaseCommand):
    help = "Looks into raw mails, or takes them in as if a mailbox had received them."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        inspect = actions.add_parser(
            "inspect", help="parses without storing: one JSON object per line"
        )
        inspect.add_argument("files", nargs="+", metavar="FILE")
        ingest = actions.add_parser("ingest", help="takes mails in and prints the outcome of each")
        ingest.add_argument("--mailbox", required=True, metavar="ADDRESS")
        ingest.add_argument("files", nargs="+", metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        files = [Path(name) for name in options["files"]]
        reader = MailReader()
        try:
            if options["action"] == "inspect":
                for file in files:
                    self._print(_inspected(file, reader))
            else:
                self._ingest(options["mailbox"], files, reader)
        finally:
            reader.close()

    def _ingest(self, address: str, files: list[Path], reader: MailReader) -> None:
        mailbox_id = queries.mailbox_for(address)
        if mailbox_id is None:
            raise CommandError(f"No active mailbox has the address {address}.")
        for file in files:
            try:
                raw = file.read_bytes()
            except OSError as error:
                self._print(
                    {"file": str(file), "error": "unreadable_file", "detail": error.strerror}
                )
                continue
            raw_id = services.accept_raw(raw, mailbox_id=mailbox_id, source=RawMail.Source.COMMAND)
            self._print({"file": str(file), **_settled(raw_id, reader)})

    def _print(self, line: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(line, ensure_ascii=False))


def _inspected(file: Path, reader: MailReader) -> dict[str, Any]:
    try:
        raw = file.read_bytes()
    except OSError:
        return {"file": str(file), "sha256": None, "error": "unreadable_file"}
    try:
        return mime_reading.as_report(reader.read(raw), file=str(file))
    except Unreadable as error:
        digest = hashlib.sha256(raw).hexdigest()
        return {"file": str(file), "sha256": digest, "error": error.code}


def _settled(raw_id: int, reader: MailReader) -> dict[str, Any]:
    """What became of the mail, waiting for workers that may have it in hand at this moment."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        reading.read_next(reader, only=raw_id)
        outbox.deliver_local()
        raw = RawMail.objects.select_related("mail").get(pk=raw_id)
        if raw.outcome or time.monotonic() > deadline:
            return _outcome(raw)
        time.sleep(0.1)


def _outcome(raw: RawMail) -> dict[str, Any]:
    mail = getattr(raw, "mail", None)
    return {
        "sha256": raw.content_id,
        "raw_id": raw.pk,
        "mail_id": mail.pk if mail else None,
        "outcome": raw.outcome or raw.state,
        "cause": raw.cause or None,
        "duplicate_of": raw.original_id,
        "profile_id": mail.profile_id if mail else None,
        "answers_message_id": mail.answers_id if mail else None,
        "machine": (mail.machine or None) if mail else None,
    }
