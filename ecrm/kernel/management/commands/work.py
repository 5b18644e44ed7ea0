from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecrm.kernel import doorbell, loops

STOP_SECONDS = 55


class Command(BaseCommand):
    help = "Run loops and services (relay, sender, inbound …) until SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="+", metavar="NAME", help=", ".join(loops.names()))

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        try:
            threads = loops.threads(options["names"], stop)
        except KeyError as error:
            known = ", ".join(loops.names())
            raise CommandError(f"Nothing is called {error}; there are: {known}.") from error
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        for thread in threads:
            thread.daemon = True
            thread.start()
        self.stdout.write(f"working: {', '.join(options['names'])}")
        while not stop.wait(timeout=1):
            if not all(thread.is_alive() for thread in threads):
                raise CommandError("A loop ended by itself.")
        for thread in threads:
            thread.join(timeout=STOP_SECONDS)
        doorbell.stop()
