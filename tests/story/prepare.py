"""Makes the shop of the story; runs inside the product's environment and prints what tests need."""

from __future__ import annotations

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecrm.settings")
django.setup()

from company import services as company  # noqa: E402 - Django must be set up first
from messaging import services as messaging  # noqa: E402
from messaging.services.mailboxes import ImapAccount  # noqa: E402

imap_port, user, imap_password = sys.argv[1:4]
PASSWORD = "thirteen-lemons"

shop = company.create_shop(
    slug="alba",
    name="Maison Alba",
    brand="Maison Alba",
    market="FR",
    languages=["fr", "en"],
    currency="EUR",
    support_email="bonjour@alba.example",
)
agent = company.create_agent(
    email="noe@alba.example", name="Noé Bertin", password=PASSWORD, language="en"
)
company.grant_role(agent.pk, role_key="support", shop_id=shop.pk, by=None)
_key, plain = company.issue_api_key(
    shop_id=shop.pk, name="Shop server", scopes=["orders:read", "orders:write"], by=None
)
messaging.create_mailbox(
    shop_id=shop.pk,
    address="bonjour@alba.example",
    account=ImapAccount(
        host="127.0.0.1",
        port=int(imap_port),
        security="none",
        username=user,
        password=imap_password,
    ),
    by=None,
)
sys.stdout.write(
    json.dumps(
        {
            "shop_id": shop.pk,
            "key": plain,
            "agent": agent.email,
            "password": PASSWORD,
            "mailbox": "bonjour@alba.example",
        }
    )
)
