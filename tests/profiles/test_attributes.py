from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from company.models import AuditEntry
from ecrm.kernel.models import EventRecord
from profiles import services as profiles
from profiles.models import Attribute, AttributeValue
from profiles.queries import attributes as queries
from profiles.rules import attributes as rules
from profiles.services import attributes as services
from tests.company.factories import AgentFactory, ShopFactory, api_key
from tests.profiles.factories import ProfileFactory

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
JSON = "application/json"


@pytest.fixture
def shop(db):
    return ShopFactory()


@pytest.fixture
def ana(shop):
    return ProfileFactory(shop=shop).pk


def define(label, kind="string", **options):
    return services.define_attribute(label, kind=kind, by=None, at=AT, **options)


def tell(profile_id, *, by=None, **values):
    return services.set_attributes(profile_id, values=values, source="test", by=by, at=AT)


def known(profile_id):
    return queries.values_of([profile_id]).get(profile_id, {})


# --- What fits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "raw", "kept"),
    [
        ("string", "  hello ", "hello"),
        ("number", "12.50", Decimal("12.5")),
        ("number", 3, Decimal(3)),
        ("boolean", "yes", True),
        ("boolean", False, False),
        ("date", "2026-02-28", date(2026, 2, 28)),
        ("list", "a, b,, a", ["a", "b"]),
        ("list", ["x"], ["x"]),
        ("choice", "S", "S"),
        ("string", "", None),
        ("list", [], None),
        ("number", None, None),
    ],
)
def test_a_value_is_taken_for_what_it_means(kind, raw, kept):
    assert rules.clean(rules.Definition("k", kind, ("S", "M")), raw) == kept


@pytest.mark.parametrize(
    ("kind", "raw", "code"),
    [
        ("string", 5, "no_text"),
        ("string", "x" * 501, "too_long"),
        ("number", "many", "no_number"),
        ("number", True, "no_number"),
        ("number", float("nan"), "no_number"),
        ("number", "1e18", "too_large"),
        ("number", "0.1234567", "too_precise"),
        ("boolean", "perhaps", "no_boolean"),
        ("date", "2026-02-30", "no_date"),
        ("list", [1], "no_list"),
        ("list", ["x" * 101], "too_long"),
        ("list", [str(n) for n in range(51)], "too_many"),
        ("choice", "XXL", "unknown_choice"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(kind, raw, code):
    with pytest.raises(rules.NoSuchValue) as refusal:
        rules.clean(rules.Definition("k", kind, ("S", "M")), raw)

    assert refusal.value.code == code


@given(
    st.sampled_from(list(rules.COLUMNS)),
    st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.booleans(), st.lists(st.text())),
)
def test_a_kept_value_is_kept_again_as_it_is(kind, raw):
    definition = rules.Definition("k", kind, ("S",))
    try:
        kept = rules.clean(definition, raw)
    except rules.NoSuchValue:
        return

    assert rules.clean(definition, kept) == kept
    if kind != rules.LIST:
        assert rules.clean(definition, rules.plain(kept)) == kept


# --- Keeping it -----------------------------------------------------------------------------------


def test_values_of_each_type_are_kept_and_read_again(ana):
    define("Shoe size", "number")
    define("Likes", "list")
    define("Member since", "date")
    define("Size", "choice", choices=["S", "M"])

    changed = tell(ana, shoe_size="38.5", likes="tea, books", member_since="2020-01-31", size="M")

    assert changed == ["shoe_size", "likes", "member_since", "size"]
    assert known(ana) == {
        "shoe_size": "38.5",
        "likes": ["tea", "books"],
        "member_since": "2020-01-31",
        "size": "M",
    }


def test_a_change_is_a_fact_that_names_the_attribute_and_never_the_value(ana, shop):
    define("Nickname")
    agent = AgentFactory(role="support", shop=shop)

    tell(ana, by=agent, nickname="Bibi")
    again = tell(ana, by=agent, nickname="Bibi")

    record = EventRecord.objects.get(name="profiles.attributes-changed")
    assert record.payload["keys"] == "nickname"
    entry = AuditEntry.objects.get(action="profiles.attributes-changed")
    assert "Bibi" not in f"{record.payload} {entry.changes}"
    assert again == []


def test_an_empty_value_removes_it(ana):
    define("Nickname")
    tell(ana, nickname="Bibi")

    tell(ana, nickname="")

    assert not AttributeValue.objects.exists()


def test_one_bad_value_keeps_none_of_them(ana):
    define("Nickname")
    define("Children", "number")

    with pytest.raises(services.UnusableValues) as refusal:
        tell(ana, nickname="Bibi", children="some", other="x")

    assert set(refusal.value.fields) == {"children", "other"}
    assert not AttributeValue.objects.exists()


def test_what_is_required_for_agents_may_be_cleared_by_programs_only(ana, shop):
    define("Nickname", required_for="agents")
    define("Kind", required_for="everybody")
    agent = AgentFactory(role="support", shop=shop)
    tell(ana, nickname="Bibi", kind="x")

    with pytest.raises(services.UnusableValues):
        tell(ana, by=agent, nickname="")
    with pytest.raises(services.UnusableValues):
        tell(ana, kind="")

    assert tell(ana, nickname="") == ["nickname"]


def test_an_agent_of_another_shop_changes_nothing(ana):
    define("Nickname")
    stranger = AgentFactory(role="support", shop=ShopFactory())

    with pytest.raises(services.NotYourCustomersAttributes):
        tell(ana, by=stranger, nickname="Bibi")


def test_an_archived_attribute_is_hidden_and_its_values_come_back(ana):
    attribute = define("Nickname")
    tell(ana, nickname="Bibi")

    services.archive_attribute(attribute.pk, by=None, at=AT)
    hidden = known(ana)
    with pytest.raises(services.UnusableValues):
        tell(ana, nickname="Bo")
    services.archive_attribute(attribute.pk, is_archived=False, by=None, at=AT)

    assert hidden == {}
    assert known(ana) == {"nickname": "Bibi"}


def test_a_merge_keeps_the_survivors_value_and_an_undo_brings_both_back(ana, shop):
    define("Nickname")
    define("Children", "number")
    other = ProfileFactory(shop=shop).pk
    tell(ana, nickname="Ana")
    tell(other, nickname="Anna", children=2)

    merge = profiles.merge(other, into=ana, by=None)
    together = known(ana)
    profiles.undo_merge(merge.pk, by=None)

    assert together == {"nickname": "Ana", "children": "2"}
    assert (known(ana), known(other)) == (
        {"nickname": "Ana"},
        {"nickname": "Anna", "children": "2"},
    )


# --- Definitions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"label": ""}, "label"),
        ({"label": "X", "kind": "colour"}, "kind"),
        ({"label": "X", "kind": "choice"}, "choices"),
        ({"label": "X", "key": "Big Key"}, "key"),
        ({"label": "Nickname"}, "key"),
        ({"label": "X", "required_for": "them"}, "required_for"),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(db, options, field):
    define("Nickname")
    label = options.pop("label")

    with pytest.raises(services.UnusableAttribute) as refusal:
        define(label, **options)

    assert set(refusal.value.fields) == {field}


# --- Pages and API --------------------------------------------------------------------------------


def test_the_company_defines_changes_and_archives_attributes(client, db):
    client.force_login(AgentFactory(owner=True))

    client.post(
        "/customers/attributes/new/",
        {"label": "Size", "kind": "choice", "choices": "S\nM", "required_for": "nobody"},
    )
    attribute = Attribute.objects.get()
    url = f"/customers/attributes/{attribute.pk}/"
    client.post(url, {"label": "Size of shirt", "choices": "S\nM\nL", "required_for": "agents"})
    client.post(f"{url}archive/", {"to": "archive"})

    attribute.refresh_from_db()
    assert (attribute.key, attribute.label, attribute.choices) == (
        "size",
        "Size of shirt",
        ["S", "M", "L"],
    )
    assert attribute.archived_at is not None
    assert "Size of shirt" in client.get("/customers/attributes/").content.decode()


def test_a_bad_definition_stays_in_the_form(client, db):
    client.force_login(AgentFactory(owner=True))

    response = client.post(
        "/customers/attributes/new/", {"label": "Size", "kind": "choice", "required_for": "nobody"}
    )

    assert response.status_code == 422
    assert "Give at least one choice." in response.content.decode()


def test_an_agent_fills_attributes_tags_stage_and_owner_at_once(client, ana, shop):
    define("Children", "number")
    agent = AgentFactory(role="support", shop=shop, name="Claire")
    client.force_login(agent)
    url = f"/customers/{ana}/about/"
    values = {
        "tags": "VIP, Press",
        f"stage-{shop.pk}": "loyal",
        f"owner-{shop.pk}": str(agent.pk),
        "attribute-children": "2",
    }

    bad = client.post(url, values | {"attribute-children": "two"})
    good = client.post(url, values)

    assert bad.status_code == 422
    assert "This is no number." in bad.content.decode()
    assert good.status_code == 302
    page = client.get(f"/customers/{ana}/").content.decode()
    for shown in ("VIP", "Press", "Loyal", "Claire", "Children"):
        assert shown in page


@pytest.fixture
def api(client, shop):
    _, plain = api_key(shop, "profiles:read", "profiles:write")
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {plain}"
    return client


def test_a_program_completes_a_customer(api, ana):
    define("Children", "number")
    url = f"/api/v1/profiles/{ana}"

    response = api.patch(
        url,
        {"first_name": "Anna", "attributes": {"children": 2}, "tags": ["VIP"]},
        JSON,
    )

    assert response.status_code == 200, response.content
    found = response.json()
    assert (found["attributes"], found["tags"]) == ({"children": "2"}, ["VIP"])
    assert found["name"].startswith("Anna ")
    assert api.get(url).json() == found


def test_a_program_learns_which_attribute_is_wrong_and_nothing_changes(api, ana):
    define("Children", "number")
    url = f"/api/v1/profiles/{ana}"
    before = api.get(url).json()

    response = api.patch(url, {"first_name": "X", "attributes": {"children": "many"}}, JSON)

    assert response.status_code == 422
    assert "/attributes/children" in response.content.decode()
    assert api.get(url).json() == before
