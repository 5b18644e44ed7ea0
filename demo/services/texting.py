"""SMS of the demo world: parcels that arrived, what customers answered, and who wants no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings

from demo.rules.people import Person
from ecrm.kernel import outbox
from messaging import services as messaging
from messaging.services import sms_accounts, sms_receiving
from profiles import queries as profile_queries

SENDER = "+33700555010"
SECRET = "demo-gateway"
TEXTED = 14
ARRIVED = {
    "fr": "Bonjour {name}, votre colis vous attend au point relais jusqu’à samedi. À bientôt !",
    "de": "Guten Tag {name}, Ihr Paket liegt bis Samstag in der Paketstation bereit.",
    "en": "Hello {name}, your parcel waits for you at the pick-up point until Saturday.",
}
SALES = {
    "fr": "Ventes privées : -20 % sur le lin jusqu’à dimanche, en boutique et en ligne.",
    "de": "Private Sale: 20 % auf Leinen bis Sonntag, im Laden und online.",
    "en": "Private sale: 20% off linen until Sunday, in the shop and online.",
}
ANSWERS = (
    (2, "Merci beaucoup, je passe demain."),
    (5, "STOP"),
    (7, "Le point relais est fermé, que faire ?"),
    (9, "Arrêt svp"),
    (11, "STOP"),
    (11, "START"),
)


def write_texts(people: Sequence[Person], *, shop_ids: Mapping[str, int], today: datetime) -> None:
    """Connect each shop with the gateway of the demo and say again what was said by SMS."""
    accounts = {shop_id: _connect(shop_id) for shop_id in shop_ids.values()}
    reached = [person for person in people if person.phone][:TEXTED]
    for index, person in enumerate(reached):
        at = today - timedelta(days=1 + index, hours=index % 5)
        shop_id = shop_ids[person.shop]
        _write(person, shop_id, text=ARRIVED[person.language], purpose="transactional", at=at)
        if person.accepts_marketing:
            before = at - timedelta(days=9)
            _write(person, shop_id, text=SALES[person.language], purpose="marketing", at=before)
        for number, (writer, answer) in enumerate(ANSWERS):
            if writer == index:
                sms_receiving.import_received(
                    accounts[shop_id],
                    number=f"demo-{person.number}-{number}",
                    sender=person.phone,
                    text=answer,
                    at=at + timedelta(minutes=40 + number),
                )


def _connect(shop_id: int) -> int:
    access = sms_accounts.Access(
        provider="generic",
        sender=SENDER,
        url=f"{settings.ECRM_BASE_URL}/demo/sms/",
        secret=SECRET,
        stop_note="STOP 36111",
    )
    return sms_accounts.create_account(shop_id=shop_id, access=access, by=None)


def _write(person: Person, shop_id: int, *, text: str, purpose: str, at: datetime) -> None:
    with outbox.as_history():
        sent = messaging.queue_sms(
            shop_id=shop_id,
            to=person.phone,
            profile_id=profile_queries.find_by_email(person.email, shop_id=shop_id),
            purpose=purpose,  # type: ignore[arg-type] # one of ours
            language=person.language,
            text=text.format(name=person.first_name),
            dedupe_key=f"demo:sms:{purpose}:{person.number}",
            at=at,
        )
        messaging.record_sent({sent: at})
        messaging.note_delivered(sent, at=at + timedelta(seconds=8))
