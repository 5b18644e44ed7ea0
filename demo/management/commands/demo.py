from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import datetime, time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import get_current_timezone, is_naive, make_aware, now

from demo.services import world
from ecrm.kernel.errors import DomainError

CUSTOMERS = 600
ORDERS_PER_CUSTOMER = 2.5
LARGEST = 5_000_000
AFTERNOON = time(15)


class Command(BaseCommand):
    help = (
        "Load the demo world of Maison Alba: shops, staff, customers, two years of orders, requests in"
        " all states. A second run adds what is missing to the wished size, and nothing else."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--customers", type=_count, default=None, help="600 unless told")
        parser.add_argument(
            "--orders", type=_count, default=None, help="2.5 per customer unless told"
        )
        parser.add_argument("--seed", type=int, default=1, help="the same seed, the same world")
        parser.add_argument(
            "--today", type=_moment, default=None, help="the world's present, e.g. 2026-03-01"
        )
        parser.add_argument("--logins", action="store_true", help="only print who can sign in")
        parser.add_argument(
            "--force", action="store_true", help="also outside demo mode (ECRM_DEMO is off)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.ECRM_DEMO and not options["force"]:
            raise CommandError(
                "This database is not in demo mode (ECRM_DEMO=1). The demo world brings agents whose"
                " password everybody knows; --force loads it all the same."
            )
        if not options["logins"]:
            self._grow(options)
        for login in world.logins():
            self.stdout.write(f"{login.email} / {login.password} / {login.role}")

    def _grow(self, options: dict[str, Any]) -> None:
        customers = CUSTOMERS if options["customers"] is None else options["customers"]
        orders = options["orders"]
        try:
            added = world.grow(
                customers=customers,
                orders=round(customers * ORDERS_PER_CUSTOMER) if orders is None else orders,
                seed=options["seed"],
                today=options["today"] or now(),
                progress=self._progress if options["verbosity"] > 1 else None,
            )
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"added {added.customers} customers, {added.orders} orders, {added.tickets} requests"
        )

    def _progress(self, done: int, total: int) -> None:
        self.stdout.write(f"chapter {done} of {total}")


def _count(text: str) -> int:
    number = int(text)
    if not 0 <= number <= LARGEST:
        raise ArgumentTypeError(f"between 0 and {LARGEST}")
    return number


def _moment(text: str) -> datetime:
    """A day means its afternoon, when the shops and their agents are busy."""
    try:
        day = parse_date(text)
        moment = datetime.combine(day, AFTERNOON) if day else parse_datetime(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is no date") from error
    if moment is None:
        raise ArgumentTypeError("a date, or a date and time such as 2026-03-01T09:00")
    return make_aware(moment, get_current_timezone()) if is_naive(moment) else moment
