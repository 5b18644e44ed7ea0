"""Whether receivers will believe mail from a domain: a real name server, asked over the wire."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.urls import reverse
from django.utils.timezone import now
from hypothesis import given
from hypothesis import strategies as st

from company.models import AuditEntry
from messaging.models import SendingDomain
from messaging.rules import spf
from messaging.services import domain_checks, sending_domains
from messaging.services.domain_checks import Server
from messaging.transports.dns import Resolver
from tests.company.factories import AgentFactory, ShopFactory
from tests.messaging.name_server import NameServer

pytestmark = pytest.mark.django_db

DOMAIN = "maison.example"
US = Server("include:spf.relay.example")


@pytest.fixture
def names(settings: Any) -> Iterator[NameServer]:
    server = NameServer()
    settings.ECRM_DNS_SERVER = server.place
    settings.ECRM_SPF_TERM = US.term
    yield server
    server.stop()


def key(bits: int = 2048) -> str:
    public = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    raw = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(raw).decode()


def publish_all(names: NameServer) -> None:
    names.texts(DOMAIN, f"v=spf1 mx {US.term} ~all", "other-service-verification=1")
    names.texts("spf.relay.example", "v=spf1 ip4:192.0.2.0/24 -all")
    names.texts(f"s1._domainkey.{DOMAIN}", f"v=DKIM1; k=rsa; p={key()}")
    names.texts(f"_dmarc.{DOMAIN}", "v=DMARC1; p=reject; rua=mailto:d@maison.example")
    names.records[DOMAIN, "MX"] = ["10 mx.maison.example."]


def look(
    names: NameServer, *, server: Server = US, selectors: tuple[str, ...] = ("s1",)
) -> dict[str, dict[str, str]]:
    found = domain_checks.findings(
        DOMAIN, selectors=list(selectors), server=server, resolver=Resolver(names.place)
    )
    return {row["check"]: row for row in found}


def codes(found: dict[str, dict[str, str]]) -> list[str]:
    return [row["code"] for row in found.values()]


def test_a_domain_with_all_its_records_is_right(names: NameServer) -> None:
    publish_all(names)

    found = look(names)

    assert codes(found) == ["spf_good", "dkim_good", "dmarc_good", "mx_good"]
    assert domain_checks.worst(list(found.values())) == "good"
    assert found["mx"]["found"] == "mx.maison.example"


def test_a_bare_domain_is_told_what_to_publish(names: NameServer) -> None:
    found = look(names)

    assert codes(found) == ["spf_missing", "dkim_missing", "dmarc_missing", "mx_missing"]
    assert found["spf"]["publish"] == "v=spf1 include:spf.relay.example ~all"
    assert (found["dmarc"]["name"], found["dmarc"]["kind"]) == ("_dmarc.maison.example", "TXT")
    assert found["dmarc"]["publish"].startswith("v=DMARC1; p=quarantine;")


@pytest.mark.parametrize(
    ("records", "code"),
    [
        (["v=spf1 mx ~all"], "spf_without_us"),
        (["v=spf1 -all", "v=spf1 mx -all"], "spf_several"),
        (["v=spf1 include:spf.relay.example +all"], "spf_open_to_all"),
        (["v=spf1 all"], "spf_open_to_all"),
        (["v=spf1 -include:spf.relay.example ~all"], "spf_without_us"),
        (["v=spf1 ip4:: **** ~all"], "spf_broken"),
        (["v=spf1 include:nowhere.example ~all"], "spf_broken"),
        (["v=spf10 mx"], "spf_missing"),
        (["V=SPF1 Include:SPF.relay.example -all"], "spf_good"),
    ],
)
def test_spf_records_are_read_as_receivers_read_them(
    names: NameServer, records: list[str], code: str
) -> None:
    names.texts("spf.relay.example", "v=spf1 ip4:192.0.2.0/24 -all")
    names.texts(DOMAIN, *records)

    assert look(names)["spf"]["code"] == code


def test_the_right_record_keeps_what_stands_there(names: NameServer) -> None:
    names.texts(DOMAIN, "v=spf1 mx ip4:198.51.100.7 -all")

    assert look(names)["spf"]["publish"] == (
        "v=spf1 mx ip4:198.51.100.7 include:spf.relay.example -all"
    )


@pytest.mark.parametrize(("includes", "code"), [(9, "spf_good"), (10, "spf_too_many_lookups")])
def test_more_than_ten_questions_are_too_many(names: NameServer, includes: int, code: str) -> None:
    names.texts("spf.relay.example", "v=spf1 ip4:192.0.2.0/24 -all")
    for number in range(includes):
        names.texts(f"s{number}.example", "v=spf1 ip4:198.51.100.1 -all")
    first = " ".join(f"include:s{number}.example" for number in range(includes))
    names.texts(DOMAIN, f"v=spf1 {US.term} {first} -all")

    assert look(names)["spf"]["code"] == code


def test_records_that_include_one_another_come_to_an_end(names: NameServer) -> None:
    names.texts(DOMAIN, "v=spf1 include:a.example -all")
    names.texts("a.example", "v=spf1 include:b.example -all")
    names.texts("b.example", "v=spf1 include:a.example -all")

    assert look(names)["spf"]["code"] == "spf_without_us"
    assert len(names.asked) < 20


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", "spf_good"),
        ("v=spf1 a:out.example -all", "spf_good"),
        ("v=spf1 mx -all", "spf_good"),
        ("v=spf1 include:inner.example -all", "spf_good"),
        ("v=spf1 ip4:203.0.113.0/24 -all", "spf_without_us"),
        ("v=spf1 -ip4:192.0.2.0/24 -all", "spf_without_us"),
    ],
)
def test_our_server_is_found_by_its_address(names: NameServer, record: str, code: str) -> None:
    names.texts(DOMAIN, record)
    names.texts("inner.example", "v=spf1 ip4:192.0.2.25 -all")
    names.records[DOMAIN, "MX"] = ["10 out.example."]
    names.records["out.example", "A"] = ["192.0.2.25"]

    found = look(names, server=Server("", ("192.0.2.25",)))["spf"]

    assert found["code"] == code
    if code == "spf_without_us":
        assert "ip4:192.0.2.25" in found["publish"]


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (lambda: f"v=DKIM1; p={key(1024)}", "dkim_short"),
        (lambda: "v=DKIM1; p=", "dkim_revoked"),
        (lambda: "v=DKIM1; p=QUJD", "dkim_broken"),
        (lambda: f"v=DKIM1; t=y; p={key()}", "dkim_testing"),
        (lambda: f"k=ed25519; p={base64.b64encode(bytes(32)).decode()}", "dkim_good"),
    ],
)
def test_keys_are_looked_at(names: NameServer, record: Any, code: str) -> None:
    names.texts(f"s1._domainkey.{DOMAIN}", record())

    assert look(names)["dkim"]["code"] == code


def test_one_good_key_is_enough_and_none_asked_for_is_not_known(names: NameServer) -> None:
    publish_all(names)

    assert domain_checks.worst(list(look(names, selectors=()).values())) == "unknown"
    found = domain_checks.findings(
        DOMAIN, selectors=["old", "s1"], server=US, resolver=Resolver(names.place)
    )
    assert [row["code"] for row in found if row["check"] == "dkim"] == ["dkim_missing", "dkim_good"]
    assert domain_checks.worst(found) == "good"


@pytest.mark.parametrize(
    ("name", "record", "code"),
    [
        (DOMAIN, "v=DMARC1; p=none", "dmarc_watches"),
        (DOMAIN, "v=DMARC1; rua=mailto:x@y.example", "dmarc_broken"),
        (DOMAIN, "v=DMARC1;p=quarantine", "dmarc_good"),
    ],
)
def test_policies(names: NameServer, name: str, record: str, code: str) -> None:
    publish_all(names)
    names.texts(f"_dmarc.{name}", record)

    assert look(names)["dmarc"]["code"] == code


def test_a_subdomain_has_the_policy_of_the_domain_above(names: NameServer) -> None:
    publish_all(names)
    resolver = Resolver(names.place)

    strict = domain_checks.findings("m.maison.example", selectors=[], server=US, resolver=resolver)

    # Nothing of the subdomain itself is right, so that the policy above would hit our mail.
    assert strict[2]["code"] == "dmarc_unaligned"


def test_a_policy_without_spf_and_dkim_would_hit_our_own_mail(names: NameServer) -> None:
    names.texts(f"_dmarc.{DOMAIN}", "v=DMARC1; p=reject")

    assert look(names)["dmarc"]["code"] == "dmarc_unaligned"


def test_a_null_mx_takes_no_answers(names: NameServer) -> None:
    names.records[DOMAIN, "MX"] = ["0 ."]

    assert look(names)["mx"]["code"] == "mx_null"


def test_a_silent_name_server_makes_nothing_wrong(
    names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("messaging.transports.dns.SECONDS_EACH", 0.2)
    names.is_silent = True

    found = look(names)

    assert set(codes(found)) == {"dns_away"}
    assert domain_checks.worst(list(found.values())) == "unknown"


def test_every_domain_of_a_shop_is_checked_once_a_day(names: NameServer) -> None:
    publish_all(names)
    ShopFactory(support_email="bonjour@maison.example")
    ShopFactory(support_email="service@maison.example")
    at = now()

    assert sending_domains.check_all(at=at) >= 1
    assert sending_domains.check_all(at=at + timedelta(minutes=5)) == 0
    assert sending_domains.check_all(at=at + timedelta(days=1)) >= 1

    assert SendingDomain.objects.get(domain=DOMAIN).checked_at == at + timedelta(days=1)


def test_the_page_shows_findings_and_checks_on_demand(names: NameServer, client: Any) -> None:
    publish_all(names)
    shop = ShopFactory(support_email="bonjour@maison.example")
    client.force_login(AgentFactory(role="manager", shop=shop))
    page = reverse("messaging:domain-page", args=[DOMAIN])

    assert "Not checked yet" in client.get(page).content.decode()
    client.post(reverse("messaging:domain-check", args=[DOMAIN]), {"selectors": "S1, gone"})

    shown = client.get(page).content.decode()
    assert "The key stands there" in shown
    assert "gone._domainkey.maison.example" in shown
    assert "maison.example" in client.get(reverse("messaging:sending-health")).content.decode()
    assert SendingDomain.objects.get().selectors == ["s1", "gone"]
    assert AuditEntry.objects.filter(action="messaging.selectors-changed").exists()


def test_a_selector_that_is_none_is_refused(names: NameServer, client: Any) -> None:
    with pytest.raises(sending_domains.InvalidSelector):
        sending_domains.set_selectors(DOMAIN, selectors=["a b; x"], by=None)


def test_an_agent_of_another_shop_sees_no_domain_of_this_one(
    names: NameServer, client: Any
) -> None:
    ShopFactory(support_email="bonjour@maison.example")
    client.force_login(AgentFactory(role="manager", shop=ShopFactory()))

    assert client.get(reverse("messaging:domain-page", args=[DOMAIN])).status_code == 404
    assert f"/{DOMAIN}/" not in client.get(reverse("messaging:domain-list")).content.decode()


@given(st.text(max_size=300))
def test_no_record_breaks_the_reader(text: str) -> None:
    spf.terms(f"v=spf1 {text}")
    spf.tags(text)
