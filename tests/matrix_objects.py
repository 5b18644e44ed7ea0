"""What the permission matrix puts into the addresses that take arguments.

One dictionary per module; the key is the name of the URL. An entry says how to make an object and
whose it is:

- `shop(make)`      the object belongs to a shop; `make(shop, world)` returns the URL's arguments
- `mine(make)`      the object belongs to an agent; `make(agent, world)` returns them
- `everybody(make)` the object is the company's; whoever holds the permission may reach it
- `all_shops()`     no object, but the page is only for who holds the permission in all shops

`gone` are arguments which fit no object; without it each number becomes one that nobody has.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Literal

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.utils.timezone import now

from company import services
from company.models import Agent, Shop
from company.services import invitations, logos, roles, teams
from messaging.rules import tokens
from messaging.services.keys import signing_key
from tests.company.factories import AgentFactory, ShopFactory, api_key, picture
from tests.messaging.factories import (
    AttachmentFactory,
    LinkFactory,
    MailboxFactory,
    MailFactory,
    OutgoingMessageFactory,
    ProviderCallFactory,
    RawMailFactory,
    ReceivedSmsFactory,
    SmsAccountFactory,
    SuppressionFactory,
    TemplateFactory,
    TopicFactory,
)

Arguments = dict[str, Any]
NOBODY_HAS = 2_000_000_000


@dataclass
class World:
    """Two shops, and an agent for each role in the first one."""

    shop: Shop = field(default_factory=ShopFactory)
    other_shop: Shop = field(default_factory=ShopFactory)
    agents: dict[str, Agent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for role in ("manager", "support", "marketing", "viewer"):
            self.agents[role] = AgentFactory(role=role, shop=self.shop)
        self.agents["owner"] = AgentFactory(owner=True)
        self.agents["without a role"] = AgentFactory()
        self.elsewhere = AgentFactory(role="owner", shop=self.other_shop)
        self.disabled = AgentFactory(owner=True, is_active=False)


@dataclass(frozen=True)
class Entry:
    """How the matrix asks for one address."""

    belongs_to: Literal["shop", "agent", "company"]
    make: Callable[[Any, World], Arguments]
    gone: Arguments | None = None
    needs_all_shops: bool = False

    def of_nobody(self, arguments: Arguments) -> Arguments:
        """Arguments which fit no object."""
        if self.gone is not None:
            return arguments | self.gone
        return {
            key: NOBODY_HAS if isinstance(value, int) else value for key, value in arguments.items()
        }


def shop(make: Callable[[Shop, World], Arguments], gone: Arguments | None = None) -> Entry:
    return Entry("shop", make, gone)


def mine(make: Callable[[Agent, World], Arguments], gone: Arguments | None = None) -> Entry:
    return Entry("agent", make, gone)


def everybody(
    make: Callable[[Any, World], Arguments],
    gone: Arguments | None = None,
    *,
    needs_all_shops: bool = False,
) -> Entry:
    return Entry("company", make, gone, needs_all_shops)


def all_shops() -> Entry:
    return Entry("company", lambda _shop, _world: {}, needs_all_shops=True)


# --- company ---------------------------------------------------------------------------------------


def _colleague(of: Shop, world: World) -> Arguments:
    return {"pk": AgentFactory(role="viewer", shop=of).pk}


def _grant(of: Shop, world: World) -> Arguments:
    agent = AgentFactory(role="viewer", shop=of)
    return {"pk": agent.pk, "grant_id": agent.grants.get().pk}


def _invitation(of: Shop, world: World) -> invitations.Invitation:
    return services.invite_agent(
        email=f"new{Agent.objects.count()}-{of.pk}@maison.example",
        role_key="viewer",
        shop_id=of.pk,
        by=world.agents["owner"],
    )


def _team(of: Shop, world: World) -> Arguments:
    name = f"Team {of.pk} {teams.Team.objects.count()}"
    return {"pk": teams.create_team(name=name, shop_id=of.pk, by=None).pk}


def _role(_anything: Any, world: World) -> Arguments:
    number = roles.Role.objects.count()
    return {"key": roles.create_role(name=f"Role {number}", codes=[], by=None).key}


def _session(of: Agent, world: World) -> Arguments:
    row = UserSession.objects.create(
        user=of, ip="192.0.2.1", session_key=f"k{of.pk}", user_agent=""
    )
    return {"pk": row.pk}


def _security_key(of: Agent, world: World) -> Arguments:
    data = {"name": "Key", "credential": {}}
    row = Authenticator.objects.create(user=of, type=Authenticator.Type.WEBAUTHN, data=data)
    return {"pk": row.pk}


_shop_slug = shop(lambda of, world: {"slug": of.slug}, {"slug": "gone"})

COMPANY = {
    "company:shop-create": all_shops(),
    "company:shop-edit": _shop_slug,
    "company:shop-hours": _shop_slug,
    "company:logo-set": _shop_slug,
    "company:logo-remove": _shop_slug,
    "logo": shop(
        lambda of, world: {"key": logos.set_logo(of.pk, data=picture(), by=None).key},
        {"key": "gone"},
    ),
    "company:day-set": _shop_slug,
    "company:day-remove": shop(
        lambda of, world: {"slug": of.slug, "on": "2026-12-25"}, {"slug": "gone"}
    ),
    "company:agent-detail": shop(_colleague),
    "company:grant-add": shop(_colleague),
    "company:grant-revoke": shop(_grant),
    "company:agent-disable": shop(_colleague),
    "company:agent-enable": shop(_colleague),
    "company:invitation-withdraw": shop(lambda of, world: {"pk": _invitation(of, world).pk}),
    "company:invitation-renew": shop(lambda of, world: {"pk": _invitation(of, world).pk}),
    "company:team-edit": shop(_team),
    "company:team-remove": shop(_team),
    "company:role-create": all_shops(),
    "company:role-edit": everybody(_role, {"key": "gone"}, needs_all_shops=True),
    "company:role-remove": everybody(_role, {"key": "gone"}, needs_all_shops=True),
    "company:key-revoke": shop(lambda of, world: {"pk": api_key(of)[0].pk}),
    "company-invitation": everybody(
        lambda of, world: {"token": invitations.token_of(_invitation(world.shop, world))},
        {"token": "gone"},
    ),
    "company-session-end": mine(_session),
    "mfa_remove_webauthn": mine(_security_key),
    "mfa_edit_webauthn": mine(_security_key),
    # Both answer any link with the same page; test_sign_in.py follows real links.
    "account_reset_password_from_key": everybody(lambda of, world: {"uidb36": "1", "key": "x-y"}),
    "openid_connect_login": everybody(lambda of, world: {"provider_id": "gone"}),
    "openid_connect_callback": everybody(lambda of, world: {"provider_id": "gone"}),
}

# --- backoffice ------------------------------------------------------------------------------------


def _notification(of: Agent, world: World) -> Arguments:
    from tests.backoffice.factories import NotificationFactory

    return {"pk": NotificationFactory(agent=of).pk}


def _saved_view(of: Agent, world: World) -> Arguments:
    from tests.backoffice.factories import SavedViewFactory

    return {"pk": SavedViewFactory(agent=of).pk}


def _delivery(of: Shop, world: World) -> Arguments:
    from tests.backoffice.factories import EventRecordFactory, ParkedDeliveryFactory

    return {"pk": ParkedDeliveryFactory(event=EventRecordFactory(shop_id=of.pk)).pk}


BACKOFFICE = {
    "backoffice:notification-open": mine(_notification),
    "backoffice:view-delete": mine(_saved_view),
    "backoffice:delivery-detail": shop(_delivery),
}

# --- profiles and orders ---------------------------------------------------------------------------


def _profile(of: Shop, world: World) -> Arguments:
    from tests.profiles.factories import ProfileFactory

    return {"profile_id": ProfileFactory(shop=of).pk}


def _pair(of: Shop, world: World) -> Arguments:
    from profiles.models import DuplicatePair

    ids = sorted(_profile(of, world)["profile_id"] for _ in range(2))
    pair = DuplicatePair.objects.create(
        low_id=ids[0], high_id=ids[1], score=80, reasons=["same_email"], found_at=now()
    )
    return {"pair_id": pair.pk}


def _merge(of: Shop, world: World) -> Arguments:
    from profiles import services as profiles

    gone, kept = (_profile(of, world)["profile_id"] for _ in range(2))
    return {"merge_id": profiles.merge(gone, into=kept, by=None).pk}


def _privacy_request(of: Shop, world: World) -> Arguments:
    from profiles.services import privacy_requests

    profile_id = _profile(of, world)["profile_id"]
    row = privacy_requests.note_request(profile_id, kind="access", received_at=now(), by=None)
    return {"request_id": row.pk}


def _retention_subject(_anything: Any, world: World) -> Arguments:
    return {"subject": "profiles.activity"}


def _retention_rule(of: Shop, world: World) -> Arguments:
    from profiles.services import retention

    row = retention.set_rule("profiles.activity", shop_id=of.pk, days=300, by=None)
    return {"rule_id": row.pk}


def _note(of: Agent, world: World) -> Arguments:
    from profiles.services.notes import write_note

    place = world.other_shop if of == world.elsewhere else world.shop
    return {"note_id": write_note(_profile(place, world)["profile_id"], text="Wool", by=of).pk}


def _fact(of: Shop, world: World) -> Arguments:
    from ecrm.kernel.models import EventRecord
    from profiles.events import ProfileCreated

    fact = EventRecord.objects.create(
        name=ProfileCreated.name,
        payload={"source": "order"},
        occurred_at=now(),
        shop_id=of.pk,
        **_profile(of, world),
    )
    return {"fact_id": fact.pk}


def _comment(of: Agent, world: World) -> Arguments:
    from profiles.services.wall import comment

    place = world.other_shop if of == world.elsewhere else world.shop
    return {"comment_id": comment(_fact(place, world)["fact_id"], text="Look", by=of).pk}


def _attribute(_anything: Any, world: World) -> Arguments:
    from profiles.models import Attribute
    from profiles.services.attributes import define_attribute

    name = f"Attribute {Attribute.objects.count()}"
    return {"attribute_id": define_attribute(name, kind="string", by=None).pk}


def _tagging(of: Agent, world: World) -> Arguments:
    from profiles.models import TagChange
    from profiles.services.tags import tag_called

    tag = tag_called("VIP", at=now())
    return {"change_id": TagChange.objects.create(agent=of, tag=tag, rows=[], created_at=now()).pk}


def _question(world: World) -> str:
    from profiles.queries.consents import token_of
    from profiles.services.consents import Evidence, record
    from tests.profiles.factories import ProfileFactory

    profile = ProfileFactory(shop=world.shop)
    entry_id = record(
        profile.pk,
        shop_id=world.shop.pk,
        channel="email",
        purpose="marketing",
        answer="pending",
        evidence=Evidence(source="form"),
    )
    return token_of(entry_id)


def _identifier(of: Shop, world: World) -> Arguments:
    from profiles.models import Identifier

    return {"identifier_id": Identifier.objects.get(**_profile(of, world), kind="email").pk}


def _api_profile(of: Shop, world: World) -> Arguments:
    return {"profile_id": str(_profile(of, world)["profile_id"])}


def _order(of: Shop, world: World) -> Arguments:
    from tests.orders.factories import make_order

    return {"external_id": make_order(of).external_id}


def _order_page(of: Shop, world: World) -> Arguments:
    from tests.orders.factories import make_order

    return {"order_id": make_order(of).pk}


def _segment(of: Shop, world: World) -> Arguments:
    from profiles import services as profiles
    from profiles.services import segments

    name = f"Friends {segments.Segment.objects.count()}"
    segment = segments.create_segment(name, shop_id=of.pk)
    profiles.add_to_list(segment.pk, profile_ids=_profile(of, world).values(), by=None)
    return {"segment_id": segment.pk}


def _list_press(of: Agent, world: World) -> Arguments:
    from company import queries as company
    from profiles.services import segments
    from profiles.web.listing_up import press_token

    shop_ids = company.shop_ids(of, "profiles.manage_segment") or {world.shop.pk}
    name = f"Press {segments.Segment.objects.count()}"
    segment = segments.create_segment(name, shop_id=min(shop_ids))
    return {"token": press_token(segment.pk, at=now(), by=of)}


def _import(of: Shop, world: World) -> Arguments:
    from tests.profiles.import_files import checked

    row = checked(of, [["E-mail"], ["ana@mail.fr"], ["nix"]], columns=["email"])
    return {"import_id": row.pk}


def _export(agent: Agent, world: World) -> Arguments:
    from company import queries as company
    from profiles.models import Export
    from profiles.services import exports

    shop_ids = sorted(company.shop_ids(agent, "profiles.export_profile"))
    row = Export.objects.create(
        kind="csv",
        shop_ids=shop_ids,
        language="en",
        timezone="UTC",
        state="working",
        created_by=agent,
        created_at=now(),
    )
    while exports.work(Event()):
        pass
    return {"export_id": row.pk}


PROFILES = {
    "profiles:profile-page": shop(_profile),
    "profiles:profile-timeline": shop(_profile),
    "profiles:profile-edit": shop(_profile),
    "profiles:note-write": shop(_profile),
    "profiles:note-edit": mine(_note),
    "profiles:note-remove": mine(_note),
    "profiles:note-restore": mine(_note),
    "profiles:comment-write": shop(_fact),
    "profiles:comment-remove": mine(_comment),
    "profiles:comment-restore": mine(_comment),
    "profiles:profile-merge": shop(_profile),
    "profiles:profile-privacy": shop(_profile),
    "profiles:privacy-copy": shop(_profile),
    "profiles:privacy-erase": shop(_profile),
    "profiles:privacy-ask": shop(_profile),
    "profiles:privacy-report": shop(_privacy_request),
    "profiles:privacy-extend": shop(_privacy_request),
    "profiles:privacy-refuse": shop(_privacy_request),
    "profiles:retention-rule": everybody(_retention_subject, {"subject": "nothing.known"}),
    "profiles:retention-switch": shop(_retention_rule),
    "profiles:profile-about": shop(_profile),
    "profiles:consent-list": shop(_profile),
    "profiles:consent-record": shop(_profile),
    "profiles:consent-proof": shop(_profile),
    "profiles:attribute-edit": everybody(_attribute),
    "profiles:attribute-archive": everybody(_attribute),
    "profiles:tagging-undo": mine(_tagging),
    "profiles:list-undo": mine(_list_press, {"token": "gone"}),
    "profiles-public:consent-confirm": everybody(
        lambda of, world: {"token": _question(world)}, {"token": "gone"}
    ),
    "profiles:duplicate-merge": shop(_pair),
    "profiles:duplicate-different": shop(_pair),
    "profiles:duplicate-later": shop(_pair),
    "profiles:duplicate-reopen": shop(_pair),
    "profiles:merge-undo": shop(_merge),
    "profiles:identifier-verify": shop(_identifier),
    "profiles:identifier-unverify": shop(_identifier),
    "profiles:import-page": shop(_import),
    "profiles:import-prepare": shop(_import),
    "profiles:import-start": shop(_import),
    "profiles:import-pause": shop(_import),
    "profiles:import-resume": shop(_import),
    "profiles:import-cancel": shop(_import),
    "profiles:import-faults": shop(_import),
    "profiles:import-customers": shop(_import),
    "profiles:export-page": mine(_export),
    "profiles:export-cancel": mine(_export),
    "profiles:export-file": mine(_export),
    "profiles:segment-page": shop(_segment),
    "profiles:segment-edit": shop(_segment),
    "profiles:segment-duplicate": shop(_segment),
    "profiles:segment-archive": shop(_segment),
    "profiles:segment-recompute": shop(_segment),
    "profiles:segment-accept": shop(_segment),
    "profiles:segment-add": shop(_segment),
    "profiles:segment-remove": shop(_segment),
    "api-profile-detail": shop(_api_profile, {"profile_id": str(NOBODY_HAS)}),
    "api-profile-timeline": shop(_api_profile, {"profile_id": str(NOBODY_HAS)}),
    "api-profile-segments": shop(_api_profile, {"profile_id": str(NOBODY_HAS)}),
}

ORDERS = {
    "orders:order-page": shop(_order_page),
    "api-order-detail": shop(_order, {"external_id": "gone"}),
}

# --- contacts --------------------------------------------------------------------------------------


def _ticket(of: Shop, world: World) -> Arguments:
    from tests.contacts.factories import make_ticket

    return {"number": make_ticket(of).number}


def _api_ticket(of: Shop, world: World) -> Arguments:
    from tests.contacts.factories import make_ticket

    return {"pk": make_ticket(of).pk}


def _bulk_change(of: Agent, world: World) -> Arguments:
    from django.utils.timezone import now

    from contacts.models import BulkChange

    change = BulkChange.objects.create(agent=of, action="close", rows=[], created_at=now())
    return {"change_id": change.pk}


def _rating(of: Shop, world: World) -> Arguments:
    from contacts.models import Rating
    from contacts.queries.ratings import token_of
    from tests.contacts.factories import make_ticket

    rating = Rating.objects.create(ticket=make_ticket(world.shop), asked_at=now())
    return {"token": token_of(rating.pk)}


_ticket_number = shop(_ticket)

CONTACTS = {
    "contacts:rating-policy-set": shop(lambda of, world: {"shop_id": of.pk}),
    "messaging-hooks:provider-call": everybody(
        lambda of, world: {"provider": "postmark", "kind": "tracking"},
        {"provider": "nobody", "kind": "tracking"},
    ),
    "messaging-sms-hooks:provider-call": everybody(
        lambda of, world: {"provider": "twilio"}, {"provider": "nobody"}
    ),
    "contacts-public:rating": everybody(_rating, {"token": "gone"}),
    "contacts:bulk-undo": mine(_bulk_change),
    "contacts:ticket": _ticket_number,
    "contacts:ticket-earlier": _ticket_number,
    "contacts:ticket-news": _ticket_number,
    "contacts:message-add": _ticket_number,
    "contacts:draft-save": _ticket_number,
    "contacts:ticket-state": _ticket_number,
    "contacts:ticket-snooze": _ticket_number,
    "contacts:ticket-assign": _ticket_number,
    "contacts:ticket-take": _ticket_number,
    "contacts:ticket-priority": _ticket_number,
    "contacts:ticket-tags": _ticket_number,
    "contacts:ticket-delete": _ticket_number,
    "api-ticket-detail": shop(_api_ticket),
    "api-ticket-messages": shop(_api_ticket),
}

# --- messaging -------------------------------------------------------------------------------------

_outgoing = shop(lambda of, world: {"message_id": OutgoingMessageFactory(shop=of).pk})


def _sms_account(of: Shop, world: World) -> Arguments:
    return {"account_id": SmsAccountFactory(shop=of, is_active=False).pk}


_raw_mail = shop(lambda of, world: {"raw_id": RawMailFactory(mailbox__shop=of).pk})
_template = shop(lambda of, world: {"shop_id": of.pk, "key": TemplateFactory(shop=of).key})
_topic = shop(lambda of, world: {"topic_id": TopicFactory(shop=of).pk})
_followed = everybody(
    lambda of, world: {
        "token": tokens.token(
            LinkFactory(message__shop=world.shop).message.uuid, use="track", key=signing_key()
        ),
        "number": 1,
    },
    {"token": "gone", "number": 1},
)
_pictured = everybody(
    lambda of, world: {"token": tokens.token(uuid.uuid4(), use="track", key=signing_key())}
)
_preferences = everybody(
    lambda of, world: {
        "token": tokens.token(
            OutgoingMessageFactory(shop=world.shop).uuid, use="unsubscribe", key=signing_key()
        )
    },
    {"token": "gone"},
)

_sending_domain = shop(
    lambda of, world: {"domain": of.support_email.rpartition("@")[2]}, {"domain": "gone.example"}
)
_parked_call = everybody(
    lambda of, world: {"call_id": ProviderCallFactory(parked=True).pk}, needs_all_shops=True
)

MESSAGING = {
    "messaging:outgoing-page": _outgoing,
    "messaging:outgoing-frame": _outgoing,
    "messaging:outgoing-cancel": _outgoing,
    "messaging:outgoing-retry": shop(
        lambda of, world: {
            "message_id": OutgoingMessageFactory(
                shop=of, state="failed", reason="refused", settled_at=now()
            ).pk
        }
    ),
    "messaging:received-page": _raw_mail,
    "messaging:raw-download": _raw_mail,
    "messaging:raw-retry": shop(
        lambda of, world: {"raw_id": RawMailFactory(mailbox__shop=of, quarantined=True).pk}
    ),
    "messaging:received-frame": shop(
        lambda of, world: {"mail_id": MailFactory(mailbox__shop=of).pk}
    ),
    "messaging:attachment": shop(
        lambda of, world: {"attachment_id": AttachmentFactory(mail__mailbox__shop=of).pk}
    ),
    "messaging-tracking:link": _followed,
    "messaging-tracking:picture": _pictured,
    "messaging:topic-edit": _topic,
    "messaging:topic-archive": _topic,
    "messaging:topic-create": shop(lambda of, world: {"shop_id": of.pk}),
    "messaging:rules-edit": shop(lambda of, world: {"shop_id": of.pk}),
    "messaging-public:preferences": _preferences,
    "messaging-public:unsubscribe": _preferences,
    "messaging:template-edit": _template,
    "messaging:template-preview": _template,
    "messaging:template-check": _template,
    "messaging:template-test": _template,
    "messaging:template-version": _template,
    "messaging:template-archive": _template,
    "messaging:suppression-lift": shop(
        lambda of, world: {"suppression_id": SuppressionFactory(shop=of).pk}
    ),
    "messaging:domain-page": _sending_domain,
    "messaging:domain-check": _sending_domain,
    "messaging:provider-call-list": all_shops(),
    "messaging:provider-call-body": _parked_call,
    "messaging:provider-call-retry": _parked_call,
    "messaging:sms-page": shop(
        lambda of, world: {"sms_id": ReceivedSmsFactory(account__shop=of).pk}
    ),
    "messaging:sms-account-edit": shop(_sms_account),
    "messaging:sms-account-test": shop(_sms_account),
    "messaging:mailbox-edit": shop(lambda of, world: {"mailbox_id": MailboxFactory(shop=of).pk}),
}

# --- demo: outside demo mode these pages do not exist for anybody ------------------------------------

DEMO = {
    name: everybody(lambda of, world: {"mail_id": 1})
    for name in ("demo:mail", "demo:answer", "demo:mark-read", "demo:mail-body")
} | {"demo:mail-file": everybody(lambda of, world: {"mail_id": 1, "position": 0})}

OBJECTS: dict[str, Entry] = {
    **COMPANY,
    **BACKOFFICE,
    **PROFILES,
    **ORDERS,
    **CONTACTS,
    **MESSAGING,
    **DEMO,
}
