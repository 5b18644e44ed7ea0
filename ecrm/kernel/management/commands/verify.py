from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from ecrm.kernel import verify


class Command(BaseCommand):
    help = "Check the reliability invariants on the live database; exit 1 and a list when one is broken."

    def handle(self, *args: Any, **options: Any) -> None:
        is_broken = False
        for invariant in verify.all_invariants():
            breaches = list(invariant.check())
            is_broken |= bool(breaches)
            self.stdout.write(
                f"{'BROKEN' if breaches else 'ok    '} {invariant.key}: {invariant.sentence}"
            )
            for breach in breaches:
                self.stdout.write(f"         {breach}")
        if is_broken:
            sys.exit(1)
