"""Who is spared, from what, and for how long."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from django.utils.timezone import now
from hypothesis import given
from hypothesis import strategies as st

from company.models import AuditEntry
from ecrm.kernel.models import EventRecord
from messaging import services
from messaging.models import Suppression
from messaging.rules import gate, tokens
from messaging.services import suppressions
from tests.company.factories import AgentFactory, ShopFactory
from tests.messaging.factories import OutgoingMessageFactory

PURPOSES = ("transactional", "service", "marketing")


@pytest.mark.parametrize(
    ("ban", "stopped"),
    [
        (gate.Ban(scope="everything", reason="hard_bounce"), PURPOSES),
        (gate.Ban(scope="marketing", reason="unsubscribed"), ("marketing",)),
        (gate.Ban(scope="topic", reason="unsubscribed", topic="news"), ("marketing",)),
        (gate.Ban(scope="topic", reason="unsubscribed", topic="sales"), ()),
        (gate.Ban(scope="channel", reason="unsubscribed", channel="mail"), PURPOSES),
        (gate.Ban(scope="channel", reason="unsubscribed", channel="sms"), ()),
        (gate.Ban(scope="marketing", reason="unsubscribed", shop_id=2), ()),
        (gate.Ban(scope="everything", reason="requested", shop_id=1), PURPOSES),
    ],
)
def test_each_scope_stops_its_purposes_and_no_other(
    ban: gate.Ban, stopped: tuple[str, ...]
) -> None:
    found = tuple(
        purpose
        for purpose in PURPOSES
        if gate.stopped_by([ban], purpose=purpose, channel="mail", topic="news", shop_id=1)
    )

    assert found == stopped


def test_the_widest_ban_gives_the_reason() -> None:
    bans = [
        gate.Ban(scope=scope, reason=scope, topic="a" * (scope == "topic"))
        for scope in ("topic", "marketing", "everything")
    ]

    for order in permutations(bans):
        ban = gate.stopped_by(order, purpose="marketing", channel="mail", topic="a", shop_id=None)
        assert ban is not None
        assert ban.reason == "everything"


@pytest.mark.django_db
def test_sparing_an_address_twice_is_one_entry() -> None:
    first = services.suppress("Stop@Example.org", scope="marketing", reason="unsubscribed")

    second = services.suppress("stop@example.org", scope="marketing", reason="complaint")

    assert first == second
    assert Suppression.objects.get().address == "stop@example.org"
    assert EventRecord.objects.filter(name="messaging.address-suppressed").count() == 1


@pytest.mark.django_db
def test_of_two_expiry_dates_the_later_counts_and_none_is_the_latest() -> None:
    soon, late = now() + timedelta(days=1), now() + timedelta(days=9)
    options = {"scope": "everything", "reason": "requested"}
    pk = services.suppress("+33 6 12 34 56 78", expires_at=late, **options)  # type: ignore[arg-type] # options

    services.suppress("+33612345678", expires_at=soon, **options)  # type: ignore[arg-type] # options
    assert Suppression.objects.get(pk=pk).expires_at == late
    services.suppress("+33612345678", **options)  # type: ignore[arg-type] # options

    assert Suppression.objects.get(pk=pk).expires_at is None


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["", "nobody", "0612345678", "a@b.example, c@d.example"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(suppressions.UnusableAddress):
        services.suppress(text, scope="everything", reason="requested")


@pytest.mark.django_db
def test_an_agent_lifts_with_a_reason_and_the_entry_stays() -> None:
    agent = AgentFactory(owner=True)
    pk = services.suppress("stop@example.org", scope="everything", reason="hard_bounce")

    with pytest.raises(suppressions.ReasonMissing):
        suppressions.lift(pk, reason=" ", by=agent)
    suppressions.lift(pk, reason="He has a new mailbox", by=agent)
    with pytest.raises(suppressions.AlreadyLifted):
        suppressions.lift(pk, reason="again", by=agent)

    row = Suppression.objects.get()
    assert (row.lifted_by_id, row.lift_reason) == (agent.pk, "He has a new mailbox")
    assert not Suppression.objects.active(now()).exists()
    assert AuditEntry.objects.latest("pk").action == "messaging.suppression-lifted"
    again = services.suppress("stop@example.org", scope="everything", reason="hard_bounce")
    assert again != pk


@pytest.mark.django_db
def test_a_customer_allows_again_only_what_he_stopped_himself() -> None:
    shop = ShopFactory()
    for reason, shop_id in (("unsubscribed", shop.pk), ("complaint", None)):
        services.suppress("a@example.org", scope="marketing", reason=reason, shop_id=shop_id)

    lifted = services.lift_own("a@example.org", scope="marketing", shop_id=shop.pk)
    lifted += services.lift_own("a@example.org", scope="marketing", shop_id=None)

    assert lifted == 1
    assert Suppression.objects.active(now()).get().reason == "complaint"


@pytest.mark.django_db
@pytest.mark.parametrize("order", [("delivered", "bounced"), ("bounced", "delivered")])
def test_reports_end_in_the_same_state_in_any_order(order: tuple[str, str]) -> None:
    moment = now()
    message = OutgoingMessageFactory(state="sent", sent_at=moment, settled_at=moment)

    for report in order * 2:
        if report == "delivered":
            services.note_delivered(message.pk)
        else:
            services.note_bounced(message.pk, reason="unknown_recipient", is_permanent=True)

    message.refresh_from_db()
    assert (message.state, message.reason) == ("failed", "unknown_recipient")
    spared = Suppression.objects.get()
    assert (spared.address, spared.scope) == (message.recipient, "everything")
    assert EventRecord.objects.filter(name="messaging.message-failed").count() == 1


@pytest.mark.django_db
def test_a_soft_bounce_spares_nobody_and_a_complaint_stops_marketing() -> None:
    moment = now()
    message = OutgoingMessageFactory(state="sent", sent_at=moment, settled_at=moment)

    services.note_bounced(message.pk, reason="mailbox_full", is_permanent=False)
    assert not Suppression.objects.exists()
    services.note_complaint(message.pk)

    assert Suppression.objects.get().scope == "marketing"
    assert Suppression.objects.get().message_id == message.pk


@given(st.uuids(), st.sampled_from(["bounce", "reply", "unsubscribe"]))
def test_a_token_names_its_message_for_one_use_only(uuid, use) -> None:  # type: ignore[no-untyped-def] # drawn
    token = tokens.token(uuid, use=use, key=b"ours")

    assert tokens.uuid_of(token.upper(), use=use, keys=[b"new", b"ours"]) == uuid
    assert tokens.uuid_of(token, use=use, keys=[b"theirs"]) is None
    other = "reply" if use != "reply" else "bounce"
    assert tokens.uuid_of(token, use=other, keys=[b"ours"]) is None
    assert tokens.uuid_of(f"b{token[1:]}", use="reply", keys=[b"ours"]) is None
    address = tokens.plus_address("bonjour@maison.example", token)
    assert address is not None
    assert tokens.plus_token(address) == token
    assert tokens.plus_address("a" * 30 + "@maison.example", token) is None
