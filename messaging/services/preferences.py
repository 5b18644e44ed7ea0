"""What a customer chooses about our messages, behind the signed link of one of them.

Every answer is an entry of the consent ledger with its wording and address; a "no" to marketing is also a
suppression, which senders look at last of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from company import queries as company
from company.types import ShopInfo
from ecrm.kernel.errors import DomainError
from messaging.models import OutgoingMessage, Suppression
from messaging.rules import tokens
from messaging.services import suppressions, wishes
from messaging.services.keys import accepted_keys, signing_key
from profiles import queries as profiles
from profiles.services import consents

# A text that changes needs a new version: the ledger keeps what each customer read.
VERSION: Final = "preferences-1"
MARKETING: Final = ("email", "marketing")
LANGUAGES: Final = frozenset({"fr", "en", "de"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Matter:
    """One thing a customer may allow, and the words he is asked in."""

    channel: str
    purpose: str
    label: str
    text: str

    @property
    def key(self) -> str:
        """Its name in a form."""
        return f"{self.channel}-{self.purpose}"


MATTERS: Final = (
    Matter(
        channel="email",
        purpose="marketing",
        label=gettext_noop("News and offers by e-mail"),
        text=gettext_noop("I want to receive news and offers by e-mail."),
    ),
    Matter(
        channel="sms",
        purpose="marketing",
        label=gettext_noop("News and offers by SMS"),
        text=gettext_noop("I want to receive news and offers by SMS."),
    ),
    Matter(
        channel="email",
        purpose="surveys",
        label=gettext_noop("Questions about my experience"),
        text=gettext_noop("I may be asked by e-mail how I liked my purchase."),
    ),
    Matter(
        channel="email",
        purpose="open_tracking",
        label=gettext_noop("Noting when I open an e-mail"),
        text=gettext_noop(
            "A tiny picture may tell when I open an e-mail, so that I get fewer that I do not read."
        ),
    ),
)

# Their names in a form.
NAMES: Final = tuple(matter.key for matter in MATTERS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """Whom a link is about. `profile_id` is None when no customer stands behind the address any more."""

    message_id: int
    shop: ShopInfo
    profile_id: int | None
    address: str
    language: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A matter and whether the customer allows it now."""

    matter: Matter
    is_granted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What he chooses within the marketing he allows; `days` is None where nobody is known to have a pace."""

    topics: list[wishes.TopicChoice]
    days: int | None


class UnknownLink(DomainError):
    """The link is false."""

    code = "unknown_link"
    status = 404


class ForgottenLink(UnknownLink):
    """We made the link, but keep nothing of its recipient any more: there is nothing left to stop."""

    code = "forgotten_link"


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """The two addresses that marketing carries: the page, and the one-click target (RFC 8058)."""

    preferences: str
    unsubscribe: str


def links(message: OutgoingMessage) -> Links:
    """Where the recipient of this message chooses, and where his mail program unsubscribes him."""
    token = tokens.token(message.uuid, use="unsubscribe", key=signing_key())
    page = f"{settings.ECRM_BASE_URL}{reverse('messaging-public:preferences', args=[token])}"
    return Links(preferences=page, unsubscribe=f"{page}one-click/")


def recipient(token: str) -> Recipient:
    """Whom a link is about; links of former keys stay good. Two queries.

    Raises UnknownLink, and ForgottenLink when the recipient was erased since.
    """
    uuid = tokens.uuid_of(token, use="unsubscribe", keys=accepted_keys())
    if uuid is None:
        raise UnknownLink(_("This link is no longer valid."))
    fields = ("pk", "shop_id", "profile_id", "recipient", "language")
    row = OutgoingMessage.objects.filter(uuid=uuid).values_list(*fields).first()
    if row is None or row[1] is None or not row[3]:
        raise ForgottenLink(_("You get no more mails from us"))
    message_id, shop_id, profile_id, address, language = row
    shop = company.shop(shop_id)
    profile_id = profiles.survivor(profile_id) if profile_id is not None else None
    if profile_id is not None and not profiles.is_known_to(profile_id, [shop_id]):
        profile_id = None
    return Recipient(
        message_id=message_id,
        shop=shop,
        profile_id=profile_id,
        address=address,
        language=language if language in LANGUAGES else shop.default_language,
    )


def choices(person: Recipient, *, at: datetime | None = None) -> list[Choice]:
    """Where he stands in each matter; an address that is spared gets no marketing. Three queries."""
    if person.profile_id is None:
        return [Choice(matter=MATTERS[0], is_granted=not _is_spared(person, at=at or now()))]
    stands = {
        (stand.channel, stand.purpose): stand.answer
        for stand in profiles.consents.standings(person.profile_id, shop_ids=[person.shop.id])
    }
    is_spared = _is_spared(person, at=at or now())
    return [
        Choice(
            matter=matter,
            is_granted=stands.get((matter.channel, matter.purpose)) == "granted"
            and not (is_spared and (matter.channel, matter.purpose) == MARKETING),
        )
        for matter in MATTERS
    ]


@transaction.atomic
def unsubscribe(token: str, *, ip: str | None = None, at: datetime | None = None) -> None:
    """Stop the shop's marketing to this recipient, by one click of his mail program (RFC 8058).

    The same again changes nothing. Raises UnknownLink; publishes AddressSuppressed, ConsentWithdrawn.
    """
    person = recipient(token)
    moment = at or now()
    if any(c.is_granted for c in choices(person, at=moment) if _is_marketing(c.matter)):
        _answer(person, MATTERS[0], is_granted=False, source="one-click", ip=ip, at=moment)
    _spare(person, at=moment)


@transaction.atomic
def choose(
    token: str,
    *,
    wanted: Mapping[str, bool],
    topics: Mapping[str, bool] | None = None,
    days: int | None = None,
    ip: str | None = None,
    at: datetime | None = None,
) -> list[str]:
    """Keep what the recipient chose, by the keys of the matters; what stays as it was leaves no entry.

    `topics` by their codes, `days` between two marketing mails (wishes.PACES); None leaves them as they
    are. Returns the keys that changed. Raises UnknownLink; publishes ConsentGranted, ConsentWithdrawn,
    AddressSuppressed, SuppressionLifted.
    """
    person = recipient(token)
    moment = at or now()
    changed: list[str] = []
    for choice in choices(person, at=moment):
        is_wanted = wanted.get(choice.matter.key, choice.is_granted)
        if is_wanted == choice.is_granted:
            continue
        changed.append(choice.matter.key)
        _answer(person, choice.matter, is_granted=is_wanted, source="preferences", ip=ip, at=moment)
        if _is_marketing(choice.matter):
            if is_wanted:
                suppressions.lift_own(
                    person.address, scope="marketing", shop_id=person.shop.id, at=moment
                )
            else:
                _spare(person, at=moment)
    return [*changed, *_choose_wishes(person, topics or {}, days, at=moment)]


def wishes_of(person: Recipient, *, at: datetime | None = None) -> Wishes:
    """Which topics he wants and how often; how often only of a customer. Three queries at most."""
    return Wishes(
        topics=wishes.topic_choices(
            person.shop.id,
            address=person.address,
            languages=(person.language, person.shop.default_language),
            at=at or now(),
        ),
        days=wishes.pace(person.profile_id, shop_id=person.shop.id)
        if person.profile_id is not None
        else None,
    )


def _choose_wishes(
    person: Recipient, topics: Mapping[str, bool], days: int | None, *, at: datetime
) -> list[str]:
    changed = wishes.choose_topics(
        person.shop.id,
        address=person.address,
        wanted=topics,
        message_id=person.message_id,
        at=at,
    )
    if days is not None and person.profile_id is not None:
        shop_id = person.shop.id
        if wishes.choose_pace(person.profile_id, shop_id=shop_id, days=days, at=at):
            changed.append("pace")
    return changed


def _answer(
    person: Recipient,
    matter: Matter,
    *,
    is_granted: bool,
    source: str,
    ip: str | None,
    at: datetime,
) -> None:
    if person.profile_id is None:
        return
    with translation.override(person.language):
        text = _(matter.text)
    consents.record(
        person.profile_id,
        shop_id=person.shop.id,
        channel=matter.channel,
        purpose=matter.purpose,
        answer="granted" if is_granted else "withdrawn",
        evidence=consents.Evidence(
            source=source,
            version=VERSION,
            text=text,
            language=person.language,
            address=person.address,
            ip=ip,
            proof=f"message:{person.message_id}",
        ),
        at=at,
    )


def _spare(person: Recipient, *, at: datetime) -> None:
    suppressions.suppress(
        person.address,
        scope="marketing",
        reason=suppressions.UNSUBSCRIBED,
        shop_id=person.shop.id,
        message_id=person.message_id,
        at=at,
    )


def _is_spared(person: Recipient, *, at: datetime) -> bool:
    rows = Suppression.objects.active(at).filter(
        address=person.address, scope="marketing", shop_id=person.shop.id
    )
    return rows.exists()


def _is_marketing(matter: Matter) -> bool:
    return (matter.channel, matter.purpose) == MARKETING
