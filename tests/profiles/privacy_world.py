"""A customer in every table, and a look into every table for what could name him."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.timezone import now

from backoffice import services as frame
from backoffice.models import SavedView
from contacts import services as contacts
from contacts.models import BulkChange, Draft, Ticket
from ecrm.kernel import loops
from ecrm.kernel.models import Delivery, EventRecord, IdempotencyKey, JobRun
from messaging.models import RawMail, Suppression
from messaging.services import intake, reading
from messaging.transports import reader
from orders.models import Order
from profiles import services
from profiles.models import Profile
from profiles.services import attributes, consents, notes, segments, tags, tracking, wall
from tests.company.factories import AgentFactory
from tests.messaging.factories import MailboxFactory, OutgoingMessageFactory, mail_bytes
from tests.orders.factories import put
from tests.profiles.world import World

EMAIL, OLD_EMAIL, PHONE = "claire.duval@example.org", "claire.alt@example.org", "+33639981234"
FIRST, LAST = "Clairette", "Duvalois"
STREET, TOWN = "17 rue des Glycines", "Villefranche-sur-Test"
SECRET = "mon petit secret"
VISITOR = "visitor-of-claire-0001"
# What must be nowhere afterwards, however it is written.
NEEDLES = (EMAIL, OLD_EMAIL, "claire.duval", PHONE, "639981234", "06 39 98 12 34", FIRST, LAST,
           STREET, TOWN, SECRET, VISITOR, "TRACK-4711", "203.0.113.9")  # fmt: skip
# The mailbox of the customer himself, which the demo plays; and the framework's own tables.
NOT_OURS = {"demo_demomail", "django_migrations"}


def address() -> dict[str, str]:
    return {
        "name": f"{FIRST} {LAST}",
        "line1": STREET,
        "postcode": "69400",
        "city": TOWN,
        "country": "FR",
    }


class Life(World):
    """Claire, in every table that can hold something about her."""

    def __init__(self) -> None:
        super().__init__()
        self.agent = AgentFactory(role="manager", shop=self.shops[0])
        self.mailbox = MailboxFactory(shop=self.shops[0])

    def now(self) -> datetime:
        """A moment of this year that has passed."""
        self.minutes += 1
        return datetime(2026, 3, 1, 12, 0, tzinfo=UTC) + timedelta(minutes=self.minutes)

    def claire(self) -> int:
        shop_id = self.shops[0].pk
        profile_id = self.order_of_hers("C-1").profile_id
        self._told(profile_id, shop_id)
        self._written(profile_id)
        self._behaved(shop_id)
        loops.run_until_idle("relay", "inbound")
        loops.run_until_idle("segments")
        self._left_traces(profile_id)
        return profile_id

    def order_of_hers(self, external_id: str, *, email: str = EMAIL, **changes: Any) -> Order:
        moment = changes.pop("placed_at", None) or self.now().isoformat()
        result = put(
            self.shops[changes.pop("shop", 0)],
            external_id,
            customer={
                "external_id": "KD-77", "email": email, "phone": "06 39 98 12 34",
                "first_name": FIRST, "last_name": LAST, "accepts_marketing": True,
            },
            billing_address=address(),
            shipping_address=address(),
            shipments=[
                {"carrier": "colissimo", "tracking_number": "TRACK-4711",
                 "tracking_url": "https://carrier.example/TRACK-4711", "lines": []}
            ],
            refunds=[{"id": "r1", "amount": "1.00", "reason": f"{FIRST}: {SECRET}"}],
            extra={"gift_note": SECRET},
            placed_at=moment,
            updated_at=changes.pop("updated_at", moment),
            **changes,
        )  # fmt: skip
        return Order.objects.get(pk=result.order_id)

    def _told(self, profile_id: int, shop_id: int) -> None:
        attributes.define_attribute("Nickname", kind="string", by=None)
        attributes.set_attributes(profile_id, values={"nickname": SECRET}, source="agent", by=None)
        notes.write_note(profile_id, text=f"{FIRST}: {SECRET}", by=self.agent)
        consents.record(
            profile_id,
            shop_id=shop_id,
            channel="email",
            purpose="marketing",
            answer="granted",
            evidence=consents.Evidence(
                source="form",
                address=EMAIL,
                ip="203.0.113.9",
                proof=SECRET,
                version="v1",
                text="Yes",
            ),
        )
        self.segment = segments.create_segment(
            "Those who are called so",
            rules={"criterion": "profile.name", "operator": "is", "value": f"{FIRST} {LAST}"},
        )
        listed = segments.create_segment("By hand")
        services.add_to_list(listed.pk, profile_ids=[profile_id], by=None)
        tags.change_tags(profile_id, add=["vip"], by=None)
        event = EventRecord.objects.filter(profile_id=profile_id).first()
        assert event is not None
        wall.comment(event.pk, text=f"{FIRST} {SECRET}", by=self.agent)

    def _written(self, profile_id: int) -> None:
        """Two mails, one of them twice; an answer; a draft; a message under way."""
        raw = mail_bytes(
            sender=f"{FIRST} {LAST} <{EMAIL}>", subject=SECRET, text=f"{SECRET}\n\n{FIRST}\n",
            message_id="<claire-1@example.org>",
            headers={"Date": "Mon, 02 Mar 2026 10:00:00 +0100"},
        )  # fmt: skip
        self.raw_mail = raw
        self.receive(raw)
        self.receive(raw)
        loops.run_until_idle("relay", "inbound")
        ticket = Ticket.objects.get(profile_id=profile_id)
        contacts.reply(
            ticket.pk, text=f"Bonjour {FIRST}, {SECRET}", client_id=uuid.uuid4(), by=self.agent
        )
        Draft.objects.create(
            ticket=ticket, agent_id=self.agent.pk, kind="reply", text=SECRET, updated_at=self.now()
        )
        BulkChange.objects.create(
            agent_id=self.agent.pk, action="close", rows=[{"ticket": ticket.pk}],
            created_at=self.now(),
        )  # fmt: skip
        OutgoingMessageFactory(
            shop=self.shops[0], profile_id=profile_id, recipient=EMAIL, text=SECRET
        )
        Suppression.objects.create(
            address=EMAIL, scope="marketing", reason="complaint", created_at=self.now()
        )

    def receive(self, raw: bytes) -> int:
        """A mail as the mailbox brings it, read at once."""
        number = intake_raw(raw, self.mailbox.pk)
        reading.read_next(reader.of_thread(), only=number)
        return number

    def _behaved(self, shop_id: int) -> None:
        moment = self.now()
        self.calls = [
            {
                "type": "track", "event": "Product Viewed", "anonymousId": VISITOR,
                "messageId": "m-1", "timestamp": moment.isoformat(),
                "properties": {"note": SECRET},
            },
            {
                "type": "identify", "userId": "KD-77", "anonymousId": VISITOR, "messageId": "m-2",
                "timestamp": moment.isoformat(), "traits": {"email": OLD_EMAIL},
            },
            {"type": "identify", "messageId": "m-3", "event": {}, "traits": {"email": EMAIL}},
        ]  # fmt: skip
        tracking.take(self.calls, shop_id=shop_id, is_proven=True, at=moment)

    def _left_traces(self, profile_id: int) -> None:
        moment = self.now()
        event = EventRecord.objects.filter(profile_id=profile_id).first()
        Delivery.objects.create(
            event=event, subscriber="tests.broken", is_io=False, available_at=moment,
            last_error=f"Key (value)=({EMAIL}) exists",
        )  # fmt: skip
        JobRun.objects.create(
            job="tests.broken", scheduled_for=moment, started_at=moment, error=f"{EMAIL} is odd"
        )
        IdempotencyKey.objects.create(
            principal="key:1", key="12345678", method="POST", route="/", body_sha256="x" * 64,
            status=201, body={"email": EMAIL}, expires_at=moment + timedelta(days=7),
        )  # fmt: skip
        frame.notify(
            self.agent.pk, kind="tests", title_key="%(who)s wrote", values={"who": FIRST},
            url=f"/customers/{profile_id}/#note", dedupe_key="t1", at=moment,
        )  # fmt: skip
        SavedView.objects.create(
            agent_id=self.agent.pk, list_path="/customers/", name="Mine",
            query=f"q={EMAIL}", created_at=moment,
        )  # fmt: skip


def intake_raw(raw: bytes, mailbox_id: int) -> int:
    """The raw mail, stored in the caller's transaction."""
    return RawMail.objects.create(
        mailbox_id=mailbox_id,
        content_id=intake.store_content(raw),
        source="command",
        received_at=now(),
        available_at=now(),
    ).pk


def tables() -> dict[str, list[str]]:
    """Every table of the database with the columns that can hold words."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, array_agg(column_name::text) FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND (data_type IN"
            " ('text', 'character varying', 'jsonb', 'json', 'bytea', 'inet', 'ARRAY', 'date'))"
            " GROUP BY table_name"
        )
        return {name: columns for name, columns in cursor.fetchall() if name not in NOT_OURS}


def found_in_database(*needles: str) -> dict[str, list[str]]:
    """Where one of the needles stands, in any column of any table, encoded or not."""
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        for table, columns in tables().items():
            texts = ", ".join(f'"{column}"' for column in columns)
            cursor.execute(f"SELECT {texts} FROM {table}")
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    text = as_text(value).casefold()
                    found_here = [n for n in needles if n.casefold() in text]
                    if found_here:
                        found.setdefault(f"{table}.{column}", []).extend(found_here)
    return found


def as_text(value: Any) -> str:
    if isinstance(value, memoryview):
        return bytes(value).decode("utf-8", "replace")
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def nobody_but(profile_id: int) -> int:
    """How many living customers there are beside this one."""
    return Profile.objects.living().exclude(pk=profile_id).count()
