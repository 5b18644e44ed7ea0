"""Writing down what customers allow and withdraw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from company.services import record_audit
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError
from ecrm.kernel.events import Event
from ecrm.kernel.prepared import Statement
from profiles.events import ConsentAsked, ConsentGranted, ConsentWithdrawn
from profiles.models import Consent, ConsentState, ConsentWording, Profile
from profiles.models.consents import Answer, Channel, Purpose
from profiles.queries import consents as queries
from profiles.queries.identities import emails_of, is_known_to
from profiles.rules import EMAIL, normalise_email
from profiles.rules import consents as rules
from profiles.services import proving

if TYPE_CHECKING:
    from company.types import Agent

CHANGE = "profiles.change_profile"


class UnusableConsent(DomainError):
    """Something about the answer can't be kept; `fields` says what."""

    code = "unusable_consent"
    status = 422


class NotYourCustomersConsent(DomainError):
    """The shop does not know the customer, or the agent may not change customers of it."""

    code = "not_your_customer"


class NothingToConfirm(DomainError):
    """The link is false or old, or the question was answered meanwhile."""

    code = "nothing_to_confirm"


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """How we know: the words shown (`version`, `text`), from where, to which address, and what proves it."""

    source: str
    version: str = ""
    text: str = ""
    language: str = ""
    address: str = ""
    ip: str | None = None
    proof: str = ""
    reason: str = ""


@transaction.atomic
def record(
    profile_id: int,
    *,
    shop_id: int,
    channel: str,
    purpose: str,
    answer: str,
    evidence: Evidence,
    by: Agent | None = None,
    at: datetime | None = None,
) -> int:
    """The number of the new entry of the ledger; the customer stands where it says, unless it is old.

    An agent gives a reason. PENDING asks the customer by mail, at an address we know of him. Raises
    UnusableConsent, NotYourCustomersConsent, Profile.DoesNotExist; publishes ConsentGranted,
    ConsentWithdrawn or ConsentAsked; an agent's entry stands in the audit log.
    """
    moment = at or now()
    Profile.objects.select_for_update(of=("self",), no_key=True).get(pk=profile_id)
    _require_right(profile_id, shop_id, by)
    _require_sense(channel, purpose, answer, evidence, by=by, at=moment)
    address = _address(profile_id, answer, evidence)
    entry = Consent.objects.create(
        profile_id=profile_id,
        shop_id=shop_id,
        channel=channel,
        purpose=purpose,
        answer=answer,
        source=evidence.source,
        wording=keep_wording(
            shop_id, channel=channel, purpose=purpose, evidence=evidence, at=moment
        ),
        address=address,
        ip=evidence.ip,
        proof=evidence.proof,
        reason=evidence.reason,
        agent_id=by.pk if by else None,
        answered_at=moment,
        recorded_at=now(),
    )
    _settle(entry)
    _tell(entry, by=by, at=moment)
    return entry.pk


@transaction.atomic
def confirm(token: str, *, ip: str | None = None, at: datetime | None = None) -> int:
    """Grant what was asked, because the customer followed the link sent to his address.

    The address is verified from then on: it was his to open. Returns the number of the new entry. Raises
    NothingToConfirm; publishes ConsentGranted.
    """
    entry_id = queries.entry_of(token)
    question = Consent.objects.filter(pk=entry_id).first() if entry_id else None
    if question is None:
        raise NothingToConfirm(_("This link is no longer valid."))
    Profile.objects.select_for_update(of=("self",), no_key=True).get(pk=question.profile_id)
    if not queries.is_waiting(question):
        raise NothingToConfirm(_("This was answered before."))
    moment = at or now()
    entry = Consent.objects.create(
        profile_id=question.profile_id,
        shop_id=question.shop_id,
        channel=question.channel,
        purpose=question.purpose,
        answer=Answer.GRANTED,
        source="link",
        wording_id=question.wording_id,
        address=question.address,
        ip=ip,
        confirms=question,
        answered_at=moment,
        recorded_at=now(),
    )
    proving.verify(entry.profile_id, kind=EMAIL, value=question.address)
    _settle(entry)
    _tell(entry, by=None, at=moment)
    return entry.pk


_NOTE_WISH = Statement(
    "note_wish",
    f"""
WITH known AS (
    SELECT c.is_incidental, c.answered_at, c.answer
    FROM profiles_consentstate s JOIN profiles_consent c ON c.id = mod(s.stand, {rules.STEP})
    WHERE s.profile_id = %(profile_id)s AND s.shop_id = %(shop_id)s
      AND s.channel = 'email' AND s.purpose = 'marketing'
), entry AS (
    INSERT INTO profiles_consent
        (profile_id, shop_id, channel, purpose, answer, is_incidental, source, answered_at, recorded_at)
    SELECT %(profile_id)s, %(shop_id)s, 'email', 'marketing', %(answer)s::text, true, %(source)s,
           %(at)s::timestamptz, %(now)s
    WHERE NOT EXISTS (
        SELECT 1 FROM known
        WHERE NOT is_incidental OR answered_at > %(at)s OR answer = %(answer)s
    )
    RETURNING id
)
INSERT INTO profiles_consentstate (profile_id, shop_id, channel, purpose, stand)
SELECT %(profile_id)s, %(shop_id)s, 'email', 'marketing', %(strictness)s::bigint * {rules.STEP} + entry.id
FROM entry
ON CONFLICT (profile_id, shop_id, channel, purpose) DO UPDATE SET stand = excluded.stand
""",  # noqa: S608 - a constant of ours
)


def note_wish(
    profile_id: int, *, shop_id: int, accepts_marketing: bool, source: str, at: datetime
) -> None:
    """Keep what came along with an order, in one statement, in the caller's transaction.

    Nothing happens when the customer said so before, said something later, or anything on purpose.
    """
    answer = rules.wish(accepts_marketing=accepts_marketing)
    with connection.cursor() as cursor:
        _NOTE_WISH.execute(
            cursor,
            {
                "profile_id": profile_id,
                "shop_id": shop_id,
                "answer": answer,
                "strictness": rules.ANSWERS.index(answer),
                "source": source,
                "at": at,
                "now": now(),
            },
        )


@transaction.atomic
def settle_again(profile_id: int) -> None:
    """Let the entries decide which came after the one that decides now; after the undo of a merge.

    What merges still in force brought here has had its say.
    """
    Profile.objects.select_for_update(of=("self",), no_key=True).get(pk=profile_id)
    foreign = queries.moved_here(profile_id)
    for entry in Consent.objects.filter(profile_id=profile_id).order_by("id"):
        if entry.pk not in foreign:
            _settle(entry)


@transaction.atomic
def record_export(profile_id: int, *, entries: int, by: Agent | None) -> None:
    """Let the audit log keep that somebody took the proof of a customer's consents with him."""
    record_audit(
        action="profiles.consents-exported",
        target=f"profile:{profile_id}",
        by=by,
        changes={"entries": entries},
    )


@transaction.atomic
def erase(profile_id: int) -> int:
    """Remove everything a customer ever allowed, because he is erased himself. Returns how many entries.

    The only way past the trigger that keeps the ledger.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ecrm.erasure = 'on'")
        ConsentState.objects.filter(profile_id=profile_id).delete()
        Consent.objects.filter(profile_id=profile_id).update(confirms=None)
        count = Consent.objects.filter(profile_id=profile_id).delete()[0]
        cursor.execute("SET LOCAL ecrm.erasure = 'off'")
    return count


# --- Where he stands ------------------------------------------------------------------------------


def _settle(entry: Consent) -> None:
    """Let the entry decide, if it outweighs the one that decides now; the customer is locked."""
    place: dict[str, Any] = {
        "profile_id": entry.profile_id,
        "shop_id": entry.shop_id,
        "channel": entry.channel,
        "purpose": entry.purpose,
    }
    state = ConsentState.objects.filter(**place).first()
    before = Consent.objects.filter(pk=state.entry_id).first() if state else None
    if before and (before.pk >= entry.pk):
        return
    if not rules.outweighs(queries.said(entry), queries.said(before) if before else None):
        return
    stand = rules.stand_of(queries.said(entry))
    ConsentState.objects.update_or_create(**place, defaults={"stand": stand})


def _tell(entry: Consent, *, by: Agent | None, at: datetime) -> None:
    kinds: dict[str, type[ConsentGranted | ConsentWithdrawn | ConsentAsked]] = {
        Answer.GRANTED: ConsentGranted,
        Answer.WITHDRAWN: ConsentWithdrawn,
        Answer.PENDING: ConsentAsked,
    }
    event: Event = kinds[entry.answer](
        profile_id=entry.profile_id,
        shop_id=entry.shop_id,
        consent_id=entry.pk,
        channel=entry.channel,
        purpose=entry.purpose,
        source=entry.source,
        agent_id=by.pk if by else None,
    )
    outbox.publish(event, at=at)
    if by is not None:
        record_audit(
            action="profiles.consent-recorded",
            target=f"profile:{entry.profile_id}",
            by=by,
            shop_id=entry.shop_id,
            changes={
                "channel": entry.channel,
                "purpose": entry.purpose,
                "answer": entry.answer,
                "entry": entry.pk,
            },
            at=at,
        )


# --- What can be kept -----------------------------------------------------------------------------


def _require_right(profile_id: int, shop_id: int, by: Agent | None) -> None:
    if by is not None and not company.may(by, CHANGE, shop_id=shop_id):
        raise NotYourCustomersConsent(_("You may not change customers of this shop."))
    if not is_known_to(profile_id, [shop_id]):
        raise NotYourCustomersConsent(_("This shop does not know the customer."))


def _require_sense(
    channel: str, purpose: str, answer: str, evidence: Evidence, *, by: Agent | None, at: datetime
) -> None:
    faults = {}
    if channel not in Channel.values:
        faults["channel"] = _("There is no such channel.")
    if purpose not in Purpose.values:
        faults["purpose"] = _("There is no such purpose.")
    if purpose == Purpose.OPEN_TRACKING and channel != Channel.EMAIL:
        faults["purpose"] = _("Only mails are opened.")
    if answer not in Answer.values:
        faults["answer"] = _("Granted or withdrawn?")
    if answer == Answer.PENDING and channel != Channel.EMAIL:
        faults["channel"] = _("Only mail asks for a confirmation.")
    if by is not None and not evidence.reason.strip():
        faults["reason"] = _("Say how you know.")
    if at > now():
        faults["answered_at"] = _("This lies in the future.")
    if faults:
        raise UnusableConsent(_("Please correct the marked fields."), fields=faults)


def _address(profile_id: int, answer: str, evidence: Evidence) -> str:
    """The address concerned; a question goes to one we know of him, never to another."""
    if answer != Answer.PENDING:
        return evidence.address.strip()[:254]
    known = emails_of(profile_id)
    wanted = normalise_email(evidence.address) if evidence.address else next(iter(known), None)
    if wanted is None or wanted not in known:
        text = _("We know no such address of this customer to ask him at.")
        raise UnusableConsent(text, fields={"address": text})
    return wanted


def keep_wording(
    shop_id: int, *, channel: str, purpose: str, evidence: Evidence, at: datetime
) -> ConsentWording | None:
    """The wording of this version, kept at its first use; a version has one text for ever.

    None when the evidence names no version. Raises UnusableConsent when the version has another text.
    """
    version = evidence.version.strip()
    if not version:
        return None
    row, _is_new = ConsentWording.objects.get_or_create(
        shop_id=shop_id,
        channel=channel,
        purpose=purpose,
        version=version,
        language=evidence.language,
        defaults={"text": evidence.text, "created_at": at},
    )
    if evidence.text and not row.text:
        row.text = evidence.text
        row.save(update_fields=["text"])
    if evidence.text and row.text != evidence.text:
        text = _("This version has another text. Give the new text a version of its own.")
        raise UnusableConsent(text, fields={"text_version": text})
    return row
