"""Notes on customers, the wall, mentions and moods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils.timezone import now

from backoffice.models import Notification
from contacts import services as contacts
from contacts.models import Ticket
from ecrm.kernel.models import EventRecord
from profiles.events import NoteWritten, ProfileCreated, WallCommented
from profiles.models import Note, WallComment
from profiles.queries import wall as wall_reads
from profiles.services import merging, notes, wall
from profiles.web import mood
from tests.company.factories import AgentFactory, ShopFactory
from tests.orders.factories import make_order
from tests.profiles.factories import ProfileFactory

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def shop():
    return ShopFactory(name="Maison FR")


@pytest.fixture
def claire(shop):
    return AgentFactory(role="support", shop=shop, name="Claire Dubois")


@pytest.fixture
def marc(shop):
    return AgentFactory(role="manager", shop=shop, name="Marc Étienne")


@pytest.fixture
def ana(shop):
    return ProfileFactory(shop=shop, first_name="Ana", last_name="Durand")


def fact(profile, shop, *, at=NOON):
    return EventRecord.objects.create(
        name=ProfileCreated.name,
        payload={"source": "order"},
        profile_id=profile.pk,
        shop_id=shop.pk,
        occurred_at=at,
    )


def lately():
    return (now() - timedelta(days=3)).isoformat()


def page_of(profile):
    return reverse("profiles:profile-page", args=[profile.pk])


# --- Notes ----------------------------------------------------------------------------------------


def test_a_note_stands_on_the_page_and_on_the_timeline(client, claire, ana):
    client.force_login(claire)

    client.post(reverse("profiles:note-write", args=[ana.pk]), {"text": "Likes <b>wool</b>"})

    page = client.get(page_of(ana)).content.decode()
    assert page.count("Likes &lt;b&gt;wool&lt;/b&gt;") == 2
    assert "Claire Dubois wrote a note" in page
    assert EventRecord.objects.filter(name=NoteWritten.name, profile_id=ana.pk).count() == 1


def test_an_empty_note_is_refused_with_a_reason(client, claire, ana):
    client.force_login(claire)

    response = client.post(
        reverse("profiles:note-write", args=[ana.pk]), {"text": "  "}, headers=HTMX
    )

    assert response.status_code == 422
    assert "Write something first." in response.content.decode()
    assert not Note.objects.exists()


def test_a_text_that_is_too_long_is_not_lost(client, claire, ana):
    client.force_login(claire)
    url = reverse("profiles:note-write", args=[ana.pk])

    response = client.post(url, {"text": "long " * 1000}, headers=HTMX)

    assert response.status_code == 422
    assert "long long" in response.content.decode()


def test_a_mentioned_colleague_is_told_once(claire, marc, ana):
    note = notes.write_note(ana.pk, text="@Marc Étienne, @claire: call her", by=claire)
    notes.edit_note(note.pk, text="@Marc Étienne please call her", by=claire)

    told = Notification.objects.get()
    assert told.agent_id == marc.pk
    assert told.title == "Claire Dubois mentioned you in a note about Ana Durand"
    assert told.url == page_of(ana)


def test_nobody_outside_the_shop_is_told(claire, ana):
    AgentFactory(role="support", shop=ShopFactory(), name="Zoé Stranger")

    notes.write_note(ana.pk, text="@Zoé Stranger look", by=claire)

    assert not Notification.objects.exists()


def test_a_removed_note_is_gone_until_it_is_brought_back(client, claire, ana):
    client.force_login(claire)
    note = notes.write_note(ana.pk, text="Likes wool", by=claire)

    answer = client.post(reverse("profiles:note-remove", args=[note.pk]), headers=HTMX)
    assert answer.status_code == 204
    assert reverse("profiles:note-restore", args=[note.pk]) in answer.headers["HX-Trigger"]
    assert "Likes wool" not in client.get(page_of(ana)).content.decode()

    client.post(reverse("profiles:note-restore", args=[note.pk]), headers=HTMX)
    assert "Likes wool" in client.get(page_of(ana)).content.decode()


def test_an_author_edits_his_note(client, claire, ana):
    client.force_login(claire)
    note = notes.write_note(ana.pk, text="Likes wol", by=claire)
    url = reverse("profiles:note-edit", args=[note.pk])
    assert "Likes wol" in client.get(url).content.decode()

    assert client.post(url, {"text": ""}).status_code == 422
    client.post(url, {"text": "Likes wool"})

    page = client.get(page_of(ana)).content.decode()
    assert "Likes wool" in page
    assert "edited" in page


def test_a_note_belongs_to_its_author(client, claire, marc, ana):
    note = notes.write_note(ana.pk, text="Likes wool", by=claire)
    client.force_login(marc)

    for name in ("note-edit", "note-remove", "note-restore"):
        assert client.post(reverse(f"profiles:{name}", args=[note.pk])).status_code == 404
    with pytest.raises(notes.NotYourNote):
        notes.edit_note(note.pk, text="x", by=marc)


def test_a_viewer_reads_notes_and_writes_none(client, shop, claire, ana):
    notes.write_note(ana.pk, text="Likes wool", by=claire)
    viewer = AgentFactory(role="viewer", shop=shop)
    client.force_login(viewer)

    page = client.get(page_of(ana)).content.decode()

    assert "Likes wool" in page
    assert "Write a note" not in page
    assert client.post(reverse("profiles:note-write", args=[ana.pk])).status_code == 403
    with pytest.raises(notes.NotYourNote):
        notes.write_note(ana.pk, text="x", by=viewer)


def test_notes_of_another_shop_stay_there(client, claire, ana):
    other = ShopFactory()
    ana.shops.create(shop=other, since=NOON)
    stranger = AgentFactory(role="support", shop=other)
    notes.write_note(ana.pk, text="Only here", by=claire)
    client.force_login(stranger)

    assert "Only here" not in client.get(page_of(ana)).content.decode()


def test_notes_move_with_a_merge(claire, ana, shop):
    double = ProfileFactory(shop=shop)
    notes.write_note(double.pk, text="Likes wool", by=claire)

    merge = merging.merge(double.pk, into=ana.pk, by=None)
    assert Note.objects.get().profile_id == ana.pk

    merging.undo_merge(merge.pk, by=None)
    assert Note.objects.get().profile_id == double.pk


# --- The wall -------------------------------------------------------------------------------------


def test_the_wall_shows_the_facts_of_all_customers_newest_first(client, claire, shop, ana):
    bob = ProfileFactory(shop=shop, first_name="Bob", last_name="Martin")
    fact(ana, shop)
    fact(bob, shop, at=NOON + timedelta(minutes=1))
    stranger = ShopFactory()
    fact(ProfileFactory(shop=stranger, last_name="Hidden"), stranger)
    client.force_login(claire)

    page = client.get(reverse("profiles:wall")).content.decode()

    assert page.index("Bob Martin") < page.index("Ana Durand")
    assert "First contact with Maison FR" in page
    assert "Hidden" not in page


def test_the_wall_is_narrowed_by_kind_and_shop(client, shop, ana):
    owner = AgentFactory(owner=True)
    other = ShopFactory(slug="other")
    fact(ana, shop)
    fact(ProfileFactory(shop=other, last_name="Elsewhere"), other)
    notes.write_note(ana.pk, text="Likes wool", by=owner)
    client.force_login(owner)

    def shown(**query):
        return client.get(reverse("profiles:wall"), query).content.decode()

    assert "Likes wool" in shown(kind="notes")
    assert "First contact" not in shown(kind="notes")
    assert "Elsewhere" in shown(shop="other")
    assert "Ana Durand" not in shown(shop="other")
    assert "Ana Durand" in shown(kind="nothing", shop="nothing", before="nonsense")


def test_the_wall_goes_on_where_it_ended(client, claire, shop, ana):
    for minute in range(45):
        fact(ana, shop, at=NOON + timedelta(minutes=minute))
    client.force_login(claire)

    first = wall_reads.wall_page(claire, limit=40)
    rest = wall_reads.wall_page(claire, before=first.next, limit=40)

    assert (len(first.entries), len(rest.entries), rest.next) == (40, 5, None)
    more = {"HX-Request": "true", "HX-Target": "wall-more"}
    assert "<html" not in client.get(reverse("profiles:wall"), headers=more).content.decode()


def test_an_empty_wall_says_what_will_appear(client, claire):
    client.force_login(claire)

    assert "Nothing here yet" in client.get(reverse("profiles:wall")).content.decode()


def test_a_comment_stands_under_its_fact_and_tells_whom_it_mentions(
    client, claire, marc, shop, ana
):
    row = fact(ana, shop)
    client.force_login(claire)

    answer = client.post(
        reverse("profiles:comment-write", args=[row.pk]),
        {"text": "@Marc Étienne a new one"},
        headers=HTMX,
    )

    assert "@Marc Étienne a new one" in answer.content.decode()
    assert "a new one" in client.get(reverse("profiles:wall")).content.decode()
    assert Notification.objects.get().agent_id == marc.pk
    assert EventRecord.objects.filter(name=WallCommented.name).count() == 1


def test_a_comment_is_removed_and_brought_back_by_its_author_only(client, claire, marc, shop, ana):
    comment = wall.comment(fact(ana, shop).pk, text="A new one", by=claire)
    remove = reverse("profiles:comment-remove", args=[comment.pk])
    client.force_login(marc)
    assert client.post(remove).status_code == 404

    client.force_login(claire)
    client.post(remove)
    assert "A new one" not in client.get(reverse("profiles:wall")).content.decode()

    client.post(reverse("profiles:comment-restore", args=[comment.pk]))
    assert "A new one" in client.get(reverse("profiles:wall")).content.decode()


def test_nobody_comments_on_what_he_may_not_read(client, claire):
    other = ShopFactory()
    row = fact(ProfileFactory(shop=other), other)
    client.force_login(claire)

    url = reverse("profiles:comment-write", args=[row.pk])
    assert client.post(url, {"text": "x"}).status_code == 404
    with pytest.raises(wall.NotYourComment):
        wall.comment(row.pk, text="x", by=claire)
    assert not WallComment.objects.exists()


def test_the_wall_costs_the_same_however_much_stands_on_it(
    client, claire, shop, assert_flat_queries
):
    client.force_login(claire)

    def happen():
        row = fact(ProfileFactory(shop=shop), shop)
        wall.comment(row.pk, text="Look", by=claire)

    assert_flat_queries(lambda: client.get(reverse("profiles:wall")), add_rows=happen, budget=22)


def test_an_old_order_says_nothing_about_today(claire, shop):
    order = make_order(
        shop, email="ana@example.org", status="refunded", placed_at="2020-03-01T10:00:00+00:00"
    )

    assert mood.feeling_of(order.profile_id, claire) is None


# --- Moods ----------------------------------------------------------------------------------------


def ticket(ana, shop, *, at):
    return contacts.open_ticket(
        shop_id=shop.pk,
        profile_id=ana.pk,
        subject="Where is it?",
        text="I wait.",
        channel=Ticket.Channel.API,
        at=at,
    )


def test_nothing_known_is_no_mood(claire, ana):
    assert mood.feeling_of(ana.pk, claire) is None


def test_a_late_answer_makes_unhappy_and_an_open_request_waits(claire, ana, shop):
    ticket(ana, shop, at=now() - timedelta(hours=1))
    assert mood.feeling_of(ana.pk, claire).label == "Waiting for us"

    ticket(ana, shop, at=now() - timedelta(hours=30))
    feeling = mood.feeling_of(ana.pk, claire)
    assert (feeling.label, feeling.tone) == ("Unhappy", "bad")
    assert "is late" in feeling.signals[0].text
    figures = {stat.label: stat.figure for stat in mood.stats_of(ana.pk, claire)}
    assert figures["Open requests"] == "2"


@pytest.mark.parametrize(
    ("status", "label"),
    [
        ("delivered", "Happy"),
        ("cancelled", "Unhappy with the last order"),
        ("refunded", "Unhappy with the last order"),
    ],
)
def test_the_last_order_tells(client, claire, shop, status, label):
    order = make_order(shop, email="ana@example.org", status=status, placed_at=lately())

    assert mood.feeling_of(order.profile_id, claire).label == label
    client.force_login(claire)
    url = reverse("profiles:profile-page", args=[order.profile_id])
    assert label in client.get(url).content.decode()


def test_a_mood_respects_the_shops_of_the_agent(shop):
    other = ShopFactory()
    order = make_order(other, email="ana@example.org", status="refunded", placed_at=lately())

    stranger = AgentFactory(role="support", shop=shop)
    assert mood.feeling_of(order.profile_id, stranger) is None
