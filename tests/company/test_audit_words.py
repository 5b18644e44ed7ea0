"""The audit page: every action has a sentence, and a sentence shows only what its reader may see."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import allauth
import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import translation
from django.utils.timezone import localdate, now
from django.utils.translation import gettext

from company import services
from company.extensions import audit_actions, audit_groups, audit_nouns
from company.models import Agent, AuditEntry, Shop
from company.services import teams
from company.web.audit import _span
from company.web.audit_sentences import tell
from ecrm.kernel import failpoints
from tests.company.factories import AgentFactory, ShopFactory
from tests.test_conventions import SOURCES

ACTION = re.compile(r"[a-z]+(\.[a-z]+(-[a-z]+)+)")


def literals_beside_the_audit() -> set[str]:
    """Every text shaped like an action in the services and adapters that write the audit log."""
    found = set()
    for path in SOURCES:
        text = path.read_text()
        if "record_audit(" in text and path.parts[-2] != "web":
            constants = (n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant))
            found |= {v for v in constants if isinstance(v, str) and ACTION.fullmatch(v)}
    return found - set(failpoints.names())


def security_notices() -> set[str]:
    """What the sign-in library tells an agent by mail, which we audit under the mail's name."""
    folder = Path(allauth.__file__).parent
    call = re.compile(r"send_notification_mail\(\s*\"[a-z]+/email/([a-z_]+)\"")
    names = {n for path in folder.rglob("*.py") for n in call.findall(path.read_text())}
    return {f"company.{name.replace('_', '-')}" for name in names}


def test_every_action_of_the_code_base_has_a_sentence_and_no_sentence_is_left_over():
    used = literals_beside_the_audit() | security_notices() | {"company.audit-exported"}

    assert len(used) > 30
    assert used == set(audit_actions.codes()), "Register them as AuditAction in apps.ready()."


def test_a_sentence_belongs_to_a_group_and_speaks_of_known_nouns():
    for action in audit_actions.all():
        nouns = {field.noun for field in action.fields.values()} - {""}
        assert action.group in audit_groups.codes(), action.code
        assert nouns <= audit_nouns.codes(), action.code


@pytest.mark.parametrize("language", ["fr", "de"])
def test_a_translation_keeps_the_gaps_of_its_sentence(language):
    def gaps(text: str) -> set[str | None]:
        return {name for _text, name, _format, _how in Formatter().parse(text)}

    with translation.override(language):
        for action in audit_actions.all():
            assert gaps(gettext(action.sentence)) == gaps(action.sentence), action.code


# --- Sentences -------------------------------------------------------------------------------------


@pytest.fixture
def shop(db: None) -> Shop:
    return ShopFactory(name="Maison Alba")


@pytest.fixture
def alba(shop: Shop) -> Agent:
    return AgentFactory(name="Alba", role="manager", shop=shop)


def record(action: str = "tests.thing-done", **options) -> AuditEntry:
    return services.record_audit(**{"action": action, "target": "thing:1", "by": None} | options)


def told(reader: Agent, entry: AuditEntry | None = None) -> str:
    """The sentence of the latest entry, as text."""
    (line,) = tell([entry or AuditEntry.objects.all()[0]], reader=reader)
    return re.sub("<[^>]+>", "", line.sentence)


def test_a_granted_role_is_told_with_names(shop, alba):
    noe = AgentFactory(name="Noé", role="support", shop=shop)

    services.grant_role(noe.pk, role_key="manager", shop_id=shop.pk, by=alba)

    assert told(alba) == "Alba gave Noé the role Manager in Maison Alba."


def test_a_sentence_is_told_in_the_language_of_its_reader(shop, alba):
    noe = AgentFactory(name="Noé", role="support", shop=shop)
    services.grant_role(noe.pk, role_key="manager", shop_id=shop.pk, by=alba)

    with translation.override("fr"):
        assert told(alba) == "Alba a donné à Noé le rôle Responsable dans Maison Alba."


def test_the_object_is_a_link_for_whoever_may_open_it(shop, alba):
    auditor = AgentFactory(name="Auditor")
    services.change_shop(shop.pk, changes={"sender_name": "Alba & Co"}, by=alba)
    entry = AuditEntry.objects.all()[0]

    (mine,), (theirs,) = (tell([entry], reader=reader) for reader in (alba, auditor))

    assert f'<a href="/settings/shops/{shop.slug}/">Maison Alba</a>' in mine.sentence
    assert "<a" not in theirs.sentence
    assert [detail.label for detail in mine.details] == ["Sender name"]
    assert "Alba &amp; Co" in mine.details[0].text


def test_what_is_gone_is_told_by_its_name_then_or_by_its_number(shop, alba):
    team = services.create_team(name="Returns", shop_id=shop.pk, member_ids=[alba.pk], by=alba)
    teams.remove_team(team.pk, by=alba)

    assert told(alba) == "Alba dissolved the team Returns in Maison Alba."
    assert told(alba, record("company.agent-disabled", target="agent:999999")) == (
        "The system disabled the account of agent no. 999999."
    )


def test_an_action_nobody_named_shows_its_code(alba):
    assert told(alba, record()) == "The system: tests.thing-done (thing:1)"


def test_a_sentence_whose_words_are_missing_has_a_gap(shop, alba):
    entry = record("company.role-granted", target=f"agent:{alba.pk}", changes={})

    assert told(alba, entry) == "The system gave Alba the role – in all shops."


def test_words_of_people_are_never_markup(shop, alba):
    entry = record("company.team-removed", changes={"name": "<script>"}, shop_id=shop.pk)

    (line,) = tell([entry], reader=alba)

    assert "&lt;script&gt;" in line.sentence


# --- The page --------------------------------------------------------------------------------------


@pytest.fixture
def owner(db: None, settings) -> Agent:
    settings.ECRM_REQUIRE_MFA = False
    return AgentFactory(owner=True, name="Camille Moreau")


def as_(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent)
    return client


def rows_of(client: Client, query: str) -> str:
    response = client.get(f"/settings/audit/?{query}", headers={"HX-Target": "list"})
    return response.content.decode()


def test_filters_stand_in_the_address(owner, alba, shop):
    record("tests.wanted", by=alba, shop_id=shop.pk)
    record("company.audit-exported", target="audit-log", by=owner)
    client = as_(owner)

    for query in (f"who={alba.pk}", f"shop={shop.pk}", "q=thing"):
        assert "tests.wanted" in rows_of(client, query)
        assert "exported" not in rows_of(client, query)
    assert "exported" in rows_of(client, "group=operations")
    assert "tests.wanted" not in rows_of(client, "group=operations")
    assert "tests.wanted" not in rows_of(client, "who=system")
    assert "tests.wanted" in rows_of(client, "who=nobody&period=never&shop=x")


def test_a_period_is_days_or_a_month(owner):
    record("tests.today")
    record("tests.long-ago", at=datetime(2020, 5, 3, tzinfo=UTC))
    client = as_(owner)

    assert "tests.long-ago" in rows_of(client, "")
    for period in ("1", "30", f"{localdate():%Y-%m}"):
        assert "tests.today" in rows_of(client, f"period={period}")
        assert "tests.long-ago" not in rows_of(client, f"period={period}")


def test_a_month_ends_where_the_next_begins():
    today = datetime(2026, 11, 22, tzinfo=UTC).date()

    assert [str(day) for day in _span("2025-12", today=today)] == ["2025-12-01", "2026-01-01"]
    assert [str(day) for day in _span("7", today=today)] == ["2026-11-16", "None"]
    assert _span("", today=today) == (None, None)


def test_only_people_who_did_something_are_offered(owner, alba, shop):
    AgentFactory(name="Idle Ines")
    record(by=alba, shop_id=shop.pk)

    page = as_(owner).get("/settings/audit/").content.decode()

    assert f"who={alba.pk}" in page
    assert "Idle Ines" not in page


def test_the_exact_time_stands_behind_the_relative_one(owner):
    record(at=datetime(2026, 1, 2, 10, 30, tzinfo=UTC))

    assert 'title="2 Jan 2026 11:30"' in rows_of(as_(owner), "")


def test_the_page_says_that_the_chain_is_intact(owner):
    cache.clear()
    record()

    page = as_(owner).get("/settings/audit/chain/").content.decode()

    assert "Chain intact" in page


def test_the_page_says_where_the_chain_is_broken(owner):
    from tests.company.test_audit import as_superuser

    cache.clear()
    first = record()
    record()
    as_superuser(
        f"UPDATE company_auditentry SET target = 'thing:9' WHERE position = {first.position}"
    )

    page = as_(owner).get("/settings/audit/chain/", headers={"HX-Target": "audit-chain"})
    cache.clear()

    assert f"Chain broken at entry {first.position}" in page.content.decode()
    assert "<html" not in page.content.decode()


def test_the_log_costs_the_same_for_one_and_for_many(owner, alba, shop, assert_flat_queries):
    client = as_(owner)

    def add() -> None:
        record(
            "company.role-granted", target=f"agent:{alba.pk}", by=alba, changes={"role": "support"}
        )
        record("company.shop-changed", target=f"shop:{shop.pk}", by=alba, at=now())

    add()
    assert_flat_queries(lambda: client.get("/settings/audit/"), add_rows=add, budget=14)
