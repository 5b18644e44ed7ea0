from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from ecrm.kernel import loops
from ecrm.kernel.models import Delivery
from messaging.models import OutgoingMessage
from orders import services
from tests.company.factories import ShopFactory
from tests.orders.factories import make_order, order_document, put


@pytest.fixture
def shop(db):
    return ShopFactory(name="Maison Lin", default_language="fr")


def placed(minutes_ago=1):
    return (now() - timedelta(minutes=minutes_ago)).isoformat()


def relay():
    loops.run_until_idle("relay")
    assert not Delivery.objects.exclude(state="done").exists()


def test_an_order_is_confirmed_once_in_the_customers_language(shop):
    order = make_order(shop, placed_at=placed(), number="FR-7")
    relay()
    put(shop, order.external_id, placed_at=placed(), status="shipped")
    relay()

    mail = OutgoingMessage.objects.get()
    assert (mail.recipient, mail.language, mail.about) == (
        order.document["customer"]["email"],
        "fr",
        f"order:{order.pk}",
    )
    assert "FR-7" in mail.subject
    assert "Maison Lin" in mail.subject
    for text in (mail.text, mail.html):
        assert "Chemise en lin, M" in text
        assert "123,00\xa0€" in text
        assert "69003 Lyon" in text
        assert "France" in text


@pytest.mark.parametrize(
    ("locale", "amount", "language"),
    [("de-CH", "123,00\xa0€", "de"), ("en-GB", "€123.00", "en"), ("it-IT", "123,00\xa0€", "fr")],
)
def test_amounts_are_written_as_the_customer_reads_them(shop, locale, amount, language):
    customer = order_document()["customer"] | {"locale": locale}

    make_order(shop, placed_at=placed(), customer=customer)
    relay()

    mail = OutgoingMessage.objects.get()
    assert mail.language == language
    assert amount in mail.text


def test_what_customers_and_shops_write_stays_text(shop):
    lines = [{"name": "<b>Bold & co</b>", "quantity": 1, "unit_price": "123.00"}]
    customer = {"email": "ana@example.org", "first_name": "<script>"}

    make_order(shop, placed_at=placed(), lines=lines, customer=customer)
    relay()

    mail = OutgoingMessage.objects.get()
    assert "<b>Bold & co</b>" in mail.text
    assert "&lt;b&gt;Bold &amp; co&lt;/b&gt;" in mail.html
    assert "<script>" not in mail.html


@pytest.mark.parametrize(
    "changes",
    [
        {"placed_at": placed(25 * 60)},
        {"placed_at": placed(), "status": "cancelled"},
        {"placed_at": placed(), "customer": {"phone": "0639981234"}},
    ],
)
def test_history_cancelled_and_addressless_orders_stay_silent(shop, changes):
    make_order(shop, **changes)
    relay()

    assert not OutgoingMessage.objects.exists()


def test_a_confirmation_can_be_queued_for_history_too(shop):
    order = make_order(shop)

    first = services.queue_confirmation(order.pk)

    assert first == services.queue_confirmation(order.pk)
    assert OutgoingMessage.objects.get().pk == first


def test_tax_is_added_or_included_as_the_sums_say(shop):
    totals = order_document()["totals"]
    included = make_order(shop, placed_at=placed())
    added = make_order(shop, placed_at=placed(), totals=totals | {"grand": "143.50"})
    relay()

    texts = {mail.about: mail.text for mail in OutgoingMessage.objects.filter(language="fr")}
    assert "20,50" in texts[f"order:{included.pk}"]
    assert "143,50" in texts[f"order:{added.pk}"]
