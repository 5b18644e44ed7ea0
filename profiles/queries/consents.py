"""What customers allow, and how we know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse

from ecrm.kernel.prepared import Rows, Statement, numbers
from ecrm.kernel.verify import invariant
from profiles.models import Consent, ConsentState, Merge, MergeEntry
from profiles.models.consents import STEP, Answer, Channel, Purpose
from profiles.rules import consents as rules

SALT = "profiles.consent"
LINK_LIVES = timedelta(days=30)
AT_MOST = 100

Subject = tuple[int, int, str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where a customer stands in one matter in one shop, since when and by which entry."""

    shop_id: int
    channel: str
    purpose: str
    answer: str
    entry_id: int
    since: datetime
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A question that waits for a customer's confirmation, for who sends it to him."""

    profile_id: int
    shop_id: int
    purpose: str
    address: str
    text: str
    language: str
    link: str


def may(profile_id: int, *, shop_id: int, channel: str, purpose: str) -> bool:
    """True when the customer granted it and it stands. One query."""
    return ConsentState.objects.filter(
        profile_id=profile_id, shop_id=shop_id, channel=channel, purpose=purpose, stand__lt=STEP
    ).exists()


_ANSWERS = Statement(
    "consent_answers",
    f"""
SELECT s.profile_id, s.shop_id, s.channel, s.purpose, s.stand / {STEP}
FROM unnest(%(profile_ids)s::bigint[], %(shop_ids)s::bigint[]) AS asked (profile_id, shop_id)
JOIN profiles_consentstate s ON s.profile_id = asked.profile_id AND s.shop_id = asked.shop_id
WHERE s.purpose = ANY(%(purposes)s::text[])
""",  # noqa: S608 - a constant of ours
)


def answers(
    subjects: Iterable[tuple[int, int]], *, purposes: Iterable[str]
) -> dict[tuple[int, int, str, str], str]:
    """What many customers answered, as it stands: by customer, shop, channel and purpose.

    `subjects` are customers with the shop that asks; who never answered is not in it. One query.
    """
    pairs = sorted(set(subjects))
    rows = _ANSWERS.rows(
        profile_ids=numbers(pair[0] for pair in pairs),
        shop_ids=numbers(pair[1] for pair in pairs),
        purposes=sorted(purposes),
    )
    words = Answer.values
    return {tuple(row[:4]): words[row[4]] for row in rows}


_STATES = Rows(
    "consent_states",
    ConsentState,
    """
WHERE profile_id = %(profile_id)s AND shop_id = ANY(%(shop_ids)s::bigint[])
ORDER BY shop_id, channel, purpose
""",
)


def standings(profile_id: int, *, shop_ids: Iterable[int]) -> list[Standing]:
    """Everything a customer ever said to these shops, as it stands now. Two queries."""
    states = _STATES.all(profile_id=profile_id, shop_ids=list(shop_ids))
    entries = Consent.objects.in_bulk([state.entry_id for state in states])
    return [
        Standing(
            shop_id=state.shop_id,
            channel=state.channel,
            purpose=state.purpose,
            answer=state.answer.value,
            entry_id=state.entry_id,
            since=entries[state.entry_id].answered_at,
            source=entries[state.entry_id].source,
        )
        for state in states
        if state.entry_id in entries
    ]


def ledger(profile_id: int, *, shop_ids: Iterable[int]) -> list[Consent]:
    """Every entry about a customer in these shops, the latest recorded first. One query."""
    rows = Consent.objects.filter(profile_id=profile_id, shop_id__in=list(shop_ids))
    return list(rows.select_related("wording", "agent").order_by("-id"))


# --- Confirming by a link -------------------------------------------------------------------------


def token_of(entry_id: int) -> str:
    """What a link carries that confirms this question; nobody can make it up."""
    return signing.dumps(entry_id, salt=SALT)


def entry_of(token: str) -> int | None:
    """The question which a link confirms; None for a false or old one."""
    try:
        return int(signing.loads(token, salt=SALT, max_age=LINK_LIVES))
    except (signing.BadSignature, TypeError, ValueError):
        return None


def asked(entry_id: int) -> Asked | None:
    """A question that still waits for its confirmation; None when it was answered meanwhile."""
    entry = _question(entry_id)
    return _asked(entry) if entry is not None and is_waiting(entry) else None


def confirmed(entry_id: int) -> Asked | None:
    """A question that the customer has answered by its link, and to which he still agrees."""
    entry = _question(entry_id)
    if entry is None or not Consent.objects.filter(confirms=entry).exists():
        return None
    is_granted = may(
        entry.profile_id, shop_id=entry.shop_id, channel=entry.channel, purpose=entry.purpose
    )
    return _asked(entry) if is_granted else None


def _question(entry_id: int) -> Consent | None:
    return Consent.objects.select_related("wording", "profile").filter(pk=entry_id).first()


def _asked(entry: Consent) -> Asked:
    path = reverse("profiles-public:consent-confirm", args=[token_of(entry.pk)])
    return Asked(
        profile_id=entry.profile_id,
        shop_id=entry.shop_id,
        purpose=entry.purpose,
        address=entry.address,
        text=entry.wording.text if entry.wording else "",
        language=entry.profile.locale,
        link=f"{settings.ECRM_BASE_URL}{path}",
    )


def is_waiting(entry: Consent) -> bool:
    """True when this very question decides where the customer stands. One query."""
    stand = rules.stand_of(said(entry))
    return entry.answer == Answer.PENDING and (
        ConsentState.objects.filter(
            profile_id=entry.profile_id,
            shop_id=entry.shop_id,
            channel=entry.channel,
            purpose=entry.purpose,
            stand=stand,
        ).exists()
    )


def said(entry: Consent) -> rules.Said:
    """An entry as the rules judge it."""
    return rules.Said(entry.pk, entry.answer, entry.answered_at, entry.is_incidental)


# --- Proof ----------------------------------------------------------------------------------------


def matter(channel: str, purpose: str) -> tuple[str, str]:
    """A channel and a purpose in the reader's words."""
    return str(Channel(channel).label), str(Purpose(purpose).label)


def proof(profile_id: int, *, shop_ids: Iterable[int]) -> list[dict[str, object]]:
    """The whole ledger about a customer in these shops as plain values, the earliest entry first."""
    return [_proven(entry) for entry in reversed(ledger(profile_id, shop_ids=shop_ids))]


def _proven(entry: Consent) -> dict[str, object]:
    return {
        "entry": entry.pk,
        "shop": entry.shop_id,
        "channel": entry.channel,
        "purpose": entry.purpose,
        "answer": entry.answer,
        "source": entry.source,
        "came_along": entry.is_incidental,
        "answered_at": entry.answered_at.isoformat(),
        "recorded_at": entry.recorded_at.isoformat(),
        "address": entry.address or None,
        "ip": entry.ip,
        "proof": entry.proof or None,
        "reason": entry.reason or None,
        "recorded_by": entry.agent.name if entry.agent else None,
        "confirms_entry": entry.confirms_id,
        "wording": {
            "version": entry.wording.version,
            "language": entry.wording.language or None,
            "text": entry.wording.text or None,
        }
        if entry.wording
        else None,
    }


# --- Promises -------------------------------------------------------------------------------------


@invariant("R22.consents", "Where each customer stands is what his ledger says.")
def stands_unlike_the_ledger() -> Sequence[str]:
    """Each kept stand that its entries do not explain. A merge may only have made it stricter."""
    entries: dict[Subject, list[rules.Said]] = {}
    for row in Consent.objects.order_by("id").iterator():
        subject = (row.profile_id, row.shop_id, row.channel, row.purpose)
        entries.setdefault(subject, []).append(said(row))
    kept = {
        (row.profile_id, row.shop_id, row.channel, row.purpose): row.stand
        for row in ConsentState.objects.iterator()
    }
    survivors = set(Merge.objects.active().values_list("survivor_id", flat=True))
    wrong = [
        subject
        for subject in sorted(entries.keys() | kept.keys())
        if not _is_explained(
            kept.get(subject), entries.get(subject, []), is_merged=subject[0] in survivors
        )
    ]
    return ["profile {}, shop {}: {} {} stands wrong".format(*key) for key in wrong[:AT_MOST]]


def _is_explained(stand: int | None, entries: Sequence[rules.Said], *, is_merged: bool) -> bool:
    if is_merged:
        return stand in {rules.stand_of(entry) for entry in entries}
    decided = rules.latest(entries)
    return stand == (rules.stand_of(decided) if decided else None)


def moved_here(profile_id: int) -> set[int]:
    """The entries which merges still in force brought to this customer. One query."""
    rows = MergeEntry.objects.filter(
        merge__in=Merge.objects.active().filter(survivor_id=profile_id),
        holding="profiles.consent",
        kind=MergeEntry.Kind.MOVED,
    )
    return set(rows.values_list("row_id", flat=True))


def wishes(profile_id: int, *, shop_ids: Iterable[int]) -> dict[int, bool]:
    """By shop, whether the customer wants its marketing by mail; shops he never told are left out."""
    return {
        state.shop_id: state.answer == Answer.GRANTED
        for state in _STATES.all(profile_id=profile_id, shop_ids=list(shop_ids))
        if (state.channel, state.purpose) == (Channel.EMAIL, Purpose.MARKETING)
    }
