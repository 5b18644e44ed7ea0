"""Segments from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from company import queries as company
from ecrm.kernel.errors import DomainError
from profiles.queries import segments_checking as checking
from profiles.queries import segments_counting as counting

SECONDS = 120


class Command(BaseCommand):
    help = "segment count --rules FILE [--shop SLUG]: how many customers fulfil the rules, as JSON"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["count"])
        parser.add_argument("--rules", required=True, help="a JSON file, or - for standard input")
        parser.add_argument("--shop", help="what this shop knows; the whole company when absent")

    def handle(self, *_args: Any, **options: Any) -> None:
        shop_id = self._shop(options["shop"])
        try:
            found = checking.checked(self._document(options["rules"]), shop_id=shop_id)
            counted = counting.count(found.tree, at=now(), shop_id=shop_id, seconds=SECONDS)
        except DomainError as refusal:
            faults = [f"{pointer or '/'}: {text}" for pointer, text in refusal.fields.items()]
            raise CommandError("\n".join([refusal.message, *faults])) from refusal
        self.stdout.write(json.dumps({"count": counted.number, "ms": counted.milliseconds}))

    def _document(self, name: str) -> Any:
        try:
            text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
            return json.loads(text)
        except (OSError, ValueError, RecursionError) as error:
            raise CommandError(f"{name}: {error}") from error

    def _shop(self, slug: str | None) -> int | None:
        if not slug:
            return None
        shop = company.shop_by_slug(slug)
        if shop is None:
            raise CommandError(f"There is no shop {slug}.")
        return shop.id
