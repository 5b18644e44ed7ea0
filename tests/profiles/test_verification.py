"""Who has proven to own an address, and what nobody can do to him without a proof."""

from __future__ import annotations

import base64
import json
from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils.timezone import now

from contacts import services as contacts
from ecrm.kernel import loops
from ecrm.kernel.verify import all_invariants
from profiles import queries, services
from profiles.models import (
    AttributeValue,
    Consent,
    ConsentState,
    DuplicatePair,
    Identifier,
    Merge,
    PostalAddress,
    Profile,
    ProfileTag,
)
from profiles.queries.consents import token_of
from profiles.queries.duplicates import persons
from profiles.rules import claims
from profiles.rules.identity import Key
from profiles.services import consents, finding, proving, tracking
from profiles.types import Address, Identity
from tests.company.factories import AgentFactory, ShopFactory, api_key
from tests.contacts.factories import make_mail
from tests.profiles.factories import ProfileFactory

AT = now() - timedelta(days=1)
ANA, PHONE = "ana@maison.example", "+33639981234"
HOME = Address(kind="shipping", line1="5 rue Neuve", postcode="69001", city="Lyon", country="FR")


@pytest.fixture
def shop(db):
    return ShopFactory()


@pytest.fixture(autouse=True)
def _fresh_rules():
    queries.forget_policies()
    yield
    queries.forget_policies()


def resolve(shop, *, is_proven=True, at=AT, **identity):
    return services.resolve(
        Identity(**identity, is_proven=is_proven), shop_id=shop.pk, source="api", at=at
    ).profile_id


def holder_of(kind, value):
    return Identifier.objects.get(kind=kind, value=value, is_key=True).profile_id


def email_of(profile_id):
    return Identifier.objects.get(profile_id=profile_id, kind="email", is_key=True)


# --- Every door without a proof -------------------------------------------------------------------


class World:
    """A verified customer, and everything a stranger who knows his address, number and id can try."""

    def __init__(self, client, shop, *, has_account):
        self.client, self.shop, self.has_account = client, shop, has_account
        self.key = api_key(shop, "track:write")[1]
        self.ana = resolve(
            shop,
            email=ANA,
            phone=PHONE,
            customer_id="7" if has_account else None,
            anonymous_id="v-ana",
            first_name="Ana",
            last_name="Durand",
            accepts_marketing=False,
            addresses=(HOME,),
        )
        assert has_account or proving.verify(self.ana, kind="email", value=ANA)

    def call(self, path, **body):
        """A call of the tracking library, with the key that stands in every page of the shop."""
        token = base64.b64encode(f"{self.key}:".encode()).decode()
        return self.client.post(
            f"/v1/{path}",
            json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Basic {token}"},
        )

    def api(self, method, path, body=None, **headers):
        return getattr(self.client, method)(
            f"/api/v1/{path}",
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.key}"} | headers,
        )

    def mail(self, **values):
        contacts.receive_mail(
            make_mail(self.shop, from_address=ANA, from_name="Mallory X", **values).pk
        )

    def told(self, **identity):
        resolve(self.shop, is_proven=False, at=now(), **MALLORY | identity)

    def state(self):
        """Everything a stranger must not change."""
        own = {"profile_id": self.ana}
        rows = (
            Profile.objects.filter(pk=self.ana).values(
                "first_name", "last_name", "locale", "city", "birthday", "gender", "merged_into_id"
            ),
            Identifier.objects.filter(**own).values("kind", "value", "is_key", "is_verified"),
            PostalAddress.objects.filter(**own).values(),
            Consent.objects.filter(**own).values(),
            ConsentState.objects.filter(**own).values(),
            AttributeValue.objects.filter(**own).values(),
            ProfileTag.objects.filter(**own).values(),
            Merge.objects.values(),
            DuplicatePair.objects.values(),
        )
        return [sorted(map(repr, part)) for part in rows]


MALLORY = {
    "first_name": "Mallory",
    "last_name": "X",
    "city": "Nowhere",
    "birthday": date(1999, 9, 9),
    "accepts_marketing": True,
}
TRAITS = {
    "email": ANA,
    "phone": PHONE,
    "name": "Mallory X",
    "birthday": "1999-09-09",
    "email_verified": True,
}
DOORS = {
    "identify by address": lambda w: w.call("identify", anonymousId="v-m", traits=TRAITS),
    "identify by account": lambda w: w.call("identify", userId="7", traits=TRAITS),
    "identify by address as id": lambda w: w.call("identify", userId=ANA, traits=TRAITS),
    "identify from his computer": lambda w: w.call("identify", anonymousId="v-ana", traits=TRAITS),
    "track": lambda w: w.call("track", userId="7", event="Signed Up", properties=TRAITS),
    "page": lambda w: w.call("page", anonymousId="v-ana", name="Home", properties=TRAITS),
    "screen": lambda w: w.call("screen", userId="7", name="Home", properties=TRAITS),
    "group": lambda w: w.call("group", userId="7", groupId="g-1", traits=TRAITS),
    "alias to the account": lambda w: w.call("alias", userId="7", previousId="v-m"),
    "alias to the address": lambda w: w.call("alias", userId=ANA, previousId="v-m"),
    "alias of his computer": lambda w: w.call("alias", userId="mallory", previousId="v-ana"),
    "batch": lambda w: w.call(
        "batch",
        batch=[
            {"type": "identify", "userId": "7", "anonymousId": "v-m", "traits": TRAITS},
            {"type": "alias", "userId": "7", "previousId": "v-m"},
            {"type": "identify", "anonymousId": "v-m", "traits": TRAITS},
        ],
    ),
    "forged mail": lambda w: w.mail(text="Je m'appelle Mallory."),
    "doubtful mail": lambda w: w.mail(is_sender_sound=False),
    "form with his address": lambda w: w.told(email=ANA, phone="+33639989999"),
    "form with his number": lambda w: w.told(phone=PHONE),
    "form with his computer": lambda w: w.told(anonymous_id="v-ana", email="m@mallory.example"),
    "form with his account": lambda w: w.told(customer_id="7", email=ANA, addresses=(HOME,)),
    "reading him": lambda w: w.api("get", f"profiles/{w.ana}"),
    "finding him": lambda w: w.api("get", f"profiles?email={ANA}"),
    "reading his timeline": lambda w: w.api("get", f"profiles/{w.ana}/timeline"),
    "completing him": lambda w: w.api("patch", f"profiles/{w.ana}", {"first_name": "Mallory"}),
    "identifying him": lambda w: w.api("post", "profiles/identify", {"email": ANA}),
    "answering for him": lambda w: w.api(
        "post", "consents", {"email": ANA, "channel": "email", "granted": True}
    ),
    "ordering for him": lambda w: w.api("put", "orders/1", {"customer": {"email": ANA}}),
    "writing for him": lambda w: w.api("post", "tickets", {"email": ANA, "text": "x"}),
    "false consent link": lambda w: w.client.post("/consent/MQ:1a:b/"),
    "false rating link": lambda w: w.client.post("/rating/MQ:1a:b/", {"score": "1"}),
}


@pytest.mark.parametrize("has_account", [True, False], ids=["account", "address"])
@pytest.mark.parametrize("door", DOORS)
def test_no_door_without_a_proof_reads_renames_or_merges_a_verified_customer(
    client, shop, door, has_account
):
    world = World(client, shop, has_account=has_account)
    before = world.state()

    answer = DOORS[door](world)
    loops.run_until_idle("relay")
    finding.compare_again(Profile.objects.values_list("pk", flat=True))

    assert world.state() == before
    if answer is not None:
        assert not any(word in answer.content.decode() for word in ("Durand", PHONE, "Lyon"))


# --- Addresses that somebody typed ----------------------------------------------------------------


def typed(shop, *, email=ANA, who="v-1"):
    """A visitor who typed an address into a page of the shop."""
    call = {"type": "identify", "anonymousId": who, "traits": {"email": email, "firstName": "Eve"}}
    tracking.take([call], shop_id=shop.pk, is_proven=False, at=AT)
    return holder_of("anonymous_id", who)


def test_a_typed_address_goes_to_its_owner_when_he_proves_it(shop):
    visitor = typed(shop)
    assert holder_of("email", ANA) == visitor

    ana = resolve(shop, email=ANA, customer_id="7", first_name="Ana")

    assert ana != visitor
    assert holder_of("email", ANA) == ana
    assert Profile.objects.get(pk=ana).first_name == "Ana"
    assert queries.is_visitor(visitor)
    assert not DuplicatePair.objects.exists()
    broken = {promise.key: list(promise.check()) for promise in all_invariants()}
    assert not {code: found for code, found in broken.items() if found}


def test_the_owner_who_is_known_already_gets_it_too(shop):
    visitor = typed(shop)
    ana = resolve(shop, customer_id="7")

    assert resolve(shop, email=ANA, customer_id="7") == ana
    assert holder_of("email", ANA) == ana != visitor


def test_the_duplicate_finder_does_not_bring_the_visitor_back(shop):
    visitor = typed(shop)
    ana = resolve(shop, email=ANA, customer_id="7")

    finding.compare_again([visitor, ana])

    assert persons([visitor])[visitor].emails == ()
    assert not DuplicatePair.objects.exists()


def test_the_visitor_is_the_owner_when_the_shop_names_his_computer_with_the_address(shop):
    visitor = typed(shop)

    ana = resolve(shop, email=ANA, anonymous_id="v-1", customer_id="7")

    assert ana == visitor
    assert not email_of(ana).is_claimed


@pytest.mark.django_db(transaction=True)
def test_the_visitor_joins_the_owner_when_his_computer_is_named_later():
    shop = ShopFactory()
    visitor = typed(shop)
    ana = resolve(shop, email=ANA, customer_id="7")

    resolve(shop, email=ANA, customer_id="7", anonymous_id="v-1")
    loops.run_until_idle("relay")

    assert queries.survivor(visitor) == ana


def test_who_wrote_a_mail_first_is_the_customer_who_orders_later(shop):
    writer = resolve(shop, is_proven=False, email=ANA)

    assert resolve(shop, email=ANA, customer_id="7") == writer
    assert not email_of(writer).is_claimed


def test_who_wrote_a_mail_and_had_an_account_is_suggested(shop):
    writer = resolve(shop, is_proven=False, email=ANA)
    ana = resolve(shop, customer_id="7")

    assert resolve(shop, email=ANA, customer_id="7") == ana

    assert holder_of("email", ANA) == ana
    pair = DuplicatePair.objects.get()
    assert {pair.low_id, pair.high_id} == {writer, ana}


def test_two_visitors_who_type_one_address_stay_two(shop):
    first, second = typed(shop), typed(shop, who="v-2")

    assert first != second
    assert holder_of("email", ANA) == first


def test_an_address_a_shop_vouched_for_is_not_taken_by_another_proof(shop):
    ana = resolve(shop, email=ANA)
    other = resolve(shop, customer_id="8")

    resolve(shop, email=ANA, customer_id="8")

    assert holder_of("email", ANA) == ana != other
    assert DuplicatePair.objects.exists()


def test_a_contact_of_somebody_known_costs_one_statement_as_before(shop, count_queries):
    resolve(shop, email=ANA, customer_id="7")

    assert count_queries(lambda: resolve(shop, email=ANA, customer_id="7")) == 1


def test_claims_give_way_only_where_their_holder_has_more():
    own, others = Key("email", ANA), Key("email", "x@y.example")
    alone = claims.Hold(1, True, ("email",))
    computer = claims.Hold(2, True, ("anonymous_id", "email"))

    assert claims.loose({own: alone, others: computer}) == {others}
    assert claims.loose({own: claims.Hold(2, False, computer.kinds)}) == frozenset()


# --- Where a proof comes from ---------------------------------------------------------------------


def test_who_follows_the_link_of_a_double_opt_in_has_verified_his_address(shop):
    ana = resolve(shop, is_proven=False, email=ANA)
    question = consents.record(
        ana,
        shop_id=shop.pk,
        channel="email",
        purpose="marketing",
        answer="pending",
        evidence=consents.Evidence(source="form"),
    )
    assert not email_of(ana).is_verified

    consents.confirm(token_of(question))

    assert email_of(ana).is_verified
    assert not email_of(ana).is_claimed


def test_the_shop_says_what_it_has_verified(client, shop):
    _, plain = api_key(shop, "profiles:write")
    body = {"email": ANA, "phone": PHONE, "email_verified": True, "phone_verified": False}

    found = client.post(
        "/api/v1/profiles/identify",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {plain}"},
    ).json()

    assert {row["kind"]: row["verified"] for row in found["identifiers"]} == {
        "email": True,
        "phone": False,
    }


def test_an_address_of_somebody_else_is_not_verified(shop):
    ana = resolve(shop, email=ANA)
    other = resolve(shop, email=ANA, customer_id="8", phone=PHONE)
    assert other == ana
    stranger = resolve(shop, customer_id="9")

    assert not proving.verify(stranger, kind="email", value=ANA)
    assert not email_of(ana).is_verified


def test_a_proof_takes_an_address_from_who_only_claimed_it(shop):
    ana = resolve(shop, customer_id="7")
    visitor = typed(shop)
    Identifier.objects.create(
        profile_id=ana, kind="email", value=ANA, is_key=False, source="test",
        first_seen_at=AT, last_seen_at=AT,
    )  # fmt: skip

    assert proving.verify(ana, kind="email", value=ANA)

    assert holder_of("email", ANA) == ana
    assert queries.is_visitor(visitor)


def test_an_agent_marks_an_address_and_takes_it_back_in_the_audit_log(client, shop):
    person = ProfileFactory(shop=shop, email=ANA)
    agent = AgentFactory(role="support", shop=shop)
    client.force_login(agent, backend="company.adapters.backends.AgentBackend")
    row = Identifier.objects.get(profile=person)
    page = client.get(reverse("profiles:profile-page", args=[person.pk])).content.decode()
    assert reverse("profiles:identifier-verify", args=[row.pk]) in page

    client.post(reverse("profiles:identifier-verify", args=[row.pk]))
    row.refresh_from_db()
    marked = row.is_verified
    client.post(reverse("profiles:identifier-unverify", args=[row.pk]))
    row.refresh_from_db()

    assert (marked, row.is_verified) == (True, False)


def test_an_agent_of_another_shop_marks_nothing(client, shop):
    row = Identifier.objects.get(profile=ProfileFactory(shop=shop, email=ANA))
    stranger = AgentFactory(role="support", shop=ShopFactory())
    client.force_login(stranger, backend="company.adapters.backends.AgentBackend")

    answer = client.post(reverse("profiles:identifier-verify", args=[row.pk]))

    assert answer.status_code == 404
    with pytest.raises(proving.NotYourIdentifier):
        proving.set_verified(row.pk, is_verified=True, by=stranger)


def test_what_leads_to_another_customer_is_verified_only_after_a_merge(shop):
    ana, other = ProfileFactory(shop=shop, email=ANA), ProfileFactory(shop=shop)
    shared = Identifier.objects.create(
        profile=other, kind="email", value=ANA, is_key=False, source="test",
        first_seen_at=AT, last_seen_at=AT,
    )  # fmt: skip
    agent = AgentFactory(role="support", shop=shop)

    with pytest.raises(proving.LeadsToAnother):
        proving.set_verified(shared.pk, is_verified=True, by=agent)

    assert holder_of("email", ANA) == ana.pk
