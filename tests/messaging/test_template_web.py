"""Templates in the back office, from the first draft to what a customer gets."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from messaging.models import MessageTemplate, OutgoingMessage, TemplateVersion
from messaging.queries import templates as queries
from messaging.services import templates as writing
from orders import services as orders
from tests.company.factories import AgentFactory, ShopFactory
from tests.messaging.factories import TemplateFactory
from tests.orders.factories import make_order

pytestmark = pytest.mark.django_db

CONFIRMATION = "orders.confirmation"


@pytest.fixture
def shop():
    return ShopFactory(default_language="fr")


@pytest.fixture
def author(shop):
    return AgentFactory(role="marketing", shop=shop, language="en")


@pytest.fixture
def client(author) -> Client:
    client = Client()
    client.force_login(author)
    return client


def _url(name, shop, key=CONFIRMATION):
    return reverse(f"messaging:{name}", args=[shop.pk, key])


def _text(source="Bonjour {{ customer.first_name }}", **changes):
    fields = {
        "language": "fr",
        "seen": "",
        "format": "markdown",
        "subject": "Commande {{ order.number }}",
        "preheader": "",
        "source": source,
    }
    return fields | changes


def _confirm(shop):
    order = make_order(shop, customer={"email": "zoe@example.org", "first_name": "Zoé"})
    return OutgoingMessage.objects.get(pk=orders.queue_confirmation(order.pk))


def test_a_draft_reaches_customers_only_once_it_is_published(client, shop):
    client.post(_url("template-edit", shop), _text("Un brouillon"))
    before = _confirm(shop)

    draft = TemplateVersion.objects.get()
    seen = draft.changed_at.isoformat()
    client.post(_url("template-edit", shop), _text("Salut !", seen=seen, publish="1"))

    assert "brouillon" not in before.text
    assert "Salut !" in _confirm(shop).text


def test_the_other_languages_stay_when_one_is_changed(client, shop):
    client.post(_url("template-edit", shop), _text("Salut !", publish="1"))
    ref = queries.current(shop.pk, CONFIRMATION)

    assert set(queries.wordings(ref)) == {"fr", "en", "de"}


def test_a_language_nobody_wrote_falls_back_to_the_shop_s_main_one(shop, author):
    template = TemplateFactory(shop=shop)
    writing.publish(template.pk, by=author)

    mail = queries.rendered(queries.current(shop.pk, template.key), language="it", data={})

    assert (mail.subject, mail.language) == ("Bonjour", "fr")


def test_what_was_published_can_be_taken_back(client, shop):
    client.post(_url("template-edit", shop), _text("Version un", publish="1"))
    client.post(_url("template-edit", shop), _text("Version deux", publish="1"))

    client.post(_url("template-version", shop), {"use": "1"})
    first = _confirm(shop)
    client.post(_url("template-version", shop), {"use": "default"})

    assert "Version un" in first.text
    assert "Version" not in _confirm(shop).text


def test_a_template_with_a_fault_is_kept_and_not_published(client, shop):
    answer = client.post(_url("template-edit", shop), _text("a\n{{ x | shout }}", publish="1"))

    assert answer.status_code == 422
    assert "Line 2" in answer.content.decode()
    assert queries.current(shop.pk, CONFIRMATION).version_id is None


def test_what_a_colleague_saved_meanwhile_is_not_overwritten(client, shop):
    client.post(_url("template-edit", shop), _text("Le mien"))

    answer = client.post(_url("template-edit", shop), _text("Le tien"))

    assert answer.status_code == 422
    assert queries.texts_of(TemplateVersion.objects.get().pk)["fr"].source == "Le mien"


def test_a_shop_s_fault_does_not_cost_a_customer_his_confirmation(client, shop):
    client.post(
        _url("template-edit", shop), _text("{{ order.total | divided_by: 0 }}", publish="1")
    )

    mail = _confirm(shop)

    assert "Merci, Zoé" in mail.text
    assert "0" in TemplateVersion.objects.get().fault
    assert "Went wrong" in client.get(reverse("messaging:template-list")).content.decode()


def test_the_preview_shows_a_real_customer_s_order(client, shop):
    order = make_order(shop, customer={"email": "zoe@example.org", "first_name": "Zoé"})

    page = client.post(
        _url("template-preview", shop),
        _text("{{ customer.first_name }} {{ blocks.order_lines }}", customer=order.profile_id),
    )

    assert "Zoé" in page.content.decode()
    assert "Chemise en lin" in page.content.decode()
    assert "script-src 'none'" in page["Content-Security-Policy"]
    assert not MessageTemplate.objects.exists()


def test_the_check_names_the_line_and_a_misspelt_value(client, shop):
    page = client.post(_url("template-check", shop), _text("Hello\n{{ custmer.name }}"))

    assert "Line 2: Nothing is called “custmer.name” here." in page.content.decode()


def test_a_test_goes_to_the_author_and_nobody_else(client, shop, author):
    make_order(shop, customer={"email": "zoe@example.org", "first_name": "Zoé"})

    client.post(_url("template-test", shop), _text())

    mail = OutgoingMessage.objects.get()
    assert mail.recipient == author.email
    assert mail.subject.startswith("[Test] Commande")


def test_a_new_template_is_written_and_put_away(client, shop):
    created = client.post(
        reverse("messaging:template-create"),
        {"shop": shop.pk, "name": "Soldes d'été", "purpose": "marketing"},
    )
    template = MessageTemplate.objects.get()
    client.post(_url("template-archive", shop, template.key))

    assert created.url == _url("template-edit", shop, "soldes-dete")
    assert "Soldes" not in client.get(reverse("messaging:template-list")).content.decode()


def test_the_list_costs_the_same_for_one_template_and_for_many(client, shop, assert_flat_queries):
    assert_flat_queries(
        lambda: client.get(reverse("messaging:template-list")),
        add_rows=lambda: TemplateFactory(shop=shop),
        budget=12,
    )
