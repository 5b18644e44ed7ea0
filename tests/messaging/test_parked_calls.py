"""The page of what mail providers told us and nobody understood."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils.timezone import now

from company.models import AuditEntry
from ecrm.kernel import verify
from messaging.models import ProviderCall
from messaging.services import provider_calls
from tests.company.factories import AgentFactory, ShopFactory
from tests.messaging.factories import ProviderCallFactory

pytestmark = pytest.mark.django_db
LIST = "messaging:provider-call-list"


@pytest.fixture
def owner(client: Any) -> Any:
    client.force_login(AgentFactory(owner=True))
    return client


def broken_promises() -> set[str]:
    names = {"messaging.calls-are-settled", "messaging.parked-calls-are-shown"}
    return {one.key for one in verify.all_invariants() if one.key in names and list(one.check())}


def test_a_parked_call_is_listed_with_its_cause(owner: Any) -> None:
    call = ProviderCallFactory(parked=True, cause="unknown_mailbox")
    ProviderCallFactory()

    page = owner.get(reverse(LIST)).content.decode()

    assert "no active mailbox" in page
    assert page.count("Read again") == 1
    assert f"no. {call.pk}" in page
    assert (
        "One report of a mail provider"
        in owner.get(reverse("messaging:sending-health")).content.decode()
    )


def test_nothing_parked_says_so(owner: Any) -> None:
    assert "Everything was understood" in owner.get(reverse(LIST)).content.decode()


def test_a_call_is_read_again_with_one_click(owner: Any) -> None:
    call = ProviderCallFactory(parked=True, attempts=4)

    owner.post(reverse("messaging:provider-call-retry", args=[call.pk]))

    call.refresh_from_db()
    assert (call.state, call.cause, call.attempts) == ("received", "", 0)
    assert AuditEntry.objects.get(action="messaging.call-retried").target == (
        f"provider-call:{call.pk}"
    )
    assert provider_calls.settle_next()
    call.refresh_from_db()
    assert call.state == "parked"


def test_what_was_said_can_be_saved_and_that_is_on_record(owner: Any) -> None:
    call = ProviderCallFactory(parked=True, body=b'{"odd": true}')

    answer = owner.post(reverse("messaging:provider-call-body", args=[call.pk]))

    assert answer.content == b'{"odd": true}'
    assert "attachment" in answer["Content-Disposition"]
    assert AuditEntry.objects.filter(action="messaging.call-downloaded").count() == 1


def test_what_is_gone_is_neither_saved_nor_read_again(owner: Any) -> None:
    call = ProviderCallFactory(parked=True, body=None)

    assert "content gone" in owner.get(reverse(LIST)).content.decode()
    assert owner.post(reverse("messaging:provider-call-body", args=[call.pk])).status_code == 404
    with pytest.raises(provider_calls.CallNotParked):
        provider_calls.retry_parked(call.pk, by=None)


def test_a_manager_of_one_shop_does_not_see_what_belongs_to_none(client: Any) -> None:
    client.force_login(AgentFactory(role="manager", shop=ShopFactory()))

    assert client.get(reverse(LIST)).status_code == 403


def test_verify_names_calls_that_nobody_settles_or_explains() -> None:
    assert broken_promises() == set()

    ProviderCallFactory(received_at=now() - timedelta(hours=2))
    ProviderCallFactory(parked=True, cause="of-a-new-kind")

    assert broken_promises() == {
        "messaging.calls-are-settled",
        "messaging.parked-calls-are-shown",
    }
    ProviderCall.objects.all().delete()


def test_the_list_costs_the_same_for_one_call_and_for_many(
    owner: Any, assert_flat_queries: Any
) -> None:
    ProviderCallFactory(parked=True)

    assert_flat_queries(
        lambda: owner.get(reverse(LIST)),
        add_rows=lambda: ProviderCallFactory(parked=True),
        budget=14,
    )
