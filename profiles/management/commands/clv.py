"""`manage.py clv fit --file FILE`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError

from profiles.rules import clv, histories


class Command(BaseCommand):
    help = (
        "Fits the models of purchases (BG/NBD) and, when the file has a column monetary, of spending "
        "(gamma-gamma) to a CSV file with the columns frequency, recency and T. Stores nothing."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        fit = actions.add_parser("fit", help="prints the parameters as one JSON object")
        fit.add_argument("--file", required=True, metavar="FILE", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        table = _read(options["file"])
        rows = table.histories
        known = clv.Histories.of(
            [row.frequency for row in rows],
            [row.recency for row in rows],
            [row.age for row in rows],
        )
        try:
            model = clv.fit_purchases(known)
            found = {"r": model.r, "alpha": model.alpha, "a": model.a, "b": model.b}
            if table.has_monetary:
                average = np.array([row.monetary for row in rows])
                spend = clv.fit_spend(known.frequency, average)
                found |= {"p": spend.p, "q": spend.q, "v": spend.v}
        except clv.NothingToFit as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(json.dumps(found))


def _read(file: Path) -> histories.Table:
    """The file's histories. Raises CommandError with the number of each bad line."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return histories.read(lines)
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is not UTF-8 text.") from error
    except histories.UnusableHistories as error:
        raise CommandError(f"{file} can't be used.\n{error}") from error
