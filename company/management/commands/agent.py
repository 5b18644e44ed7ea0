from __future__ import annotations

from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from company import queries, services
from ecrm.kernel.errors import DomainError


class Command(BaseCommand):
    help = "The first agents of an installation: agent create --email … --role owner"

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make somebody an agent")
        create.add_argument("--email", required=True)
        create.add_argument("--name", default="")
        create.add_argument("--role", required=True, help="owner, manager, support, …")
        create.add_argument("--shop", default="", help="only in this shop; all shops without it")
        create.add_argument("--language", default="en", choices=["en", "fr"])
        create.add_argument(
            "--ask-password",
            action="store_true",
            help="ask for a password; without it the agent sets one through “Forgot your password?”",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        shop = queries.shop_by_slug(options["shop"]) if options["shop"] else None
        if options["shop"] and shop is None:
            raise CommandError(f"There is no shop {options['shop']}.")
        password = getpass("Password: ") if options["ask_password"] else None
        try:
            with transaction.atomic():
                agent = services.create_agent(
                    email=options["email"],
                    name=options["name"] or options["email"].partition("@")[0],
                    password=password,
                    language=options["language"],
                )
                services.grant_role(
                    agent.pk, role_key=options["role"], shop_id=shop.id if shop else None, by=None
                )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{agent.email} is {options['role']}.")
