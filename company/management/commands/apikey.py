from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from company import queries, services
from ecrm.kernel.errors import DomainError


class Command(BaseCommand):
    help = "API keys of shops: apikey create --shop SLUG --name NAME [--scope S …]"

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="print a new key, once")
        create.add_argument("--shop", required=True, help="the shop's short name")
        create.add_argument("--name", required=True, help="what the key is for")
        create.add_argument(
            "--scope", action="append", default=[], help="e.g. orders:write; may be repeated"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        shop = queries.shop_by_slug(options["shop"])
        if shop is None:
            raise CommandError(f"There is no shop {options['shop']}.")
        scopes = options["scope"] or ["orders:read", "orders:write"]
        try:
            _key, plain = services.issue_api_key(
                shop_id=shop.id, name=options["name"], scopes=scopes, by=None
            )
        except DomainError as error:
            known = ", ".join(queries.api_scope_codes())
            raise CommandError(f"{error.message} Scopes: {known}") from error
        self.stdout.write(plain)
