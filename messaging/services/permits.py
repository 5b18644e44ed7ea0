"""Who may be written to at this moment, and what may be noted about his mail: asked when mail is claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from ecrm.kernel.prepared import Statement, texts
from messaging.models import OutgoingMessage
from messaging.queries.mail_rules import rules_of
from messaging.rules import gate
from messaging.rules.mail_rules import ShopRules, noted
from messaging.services.paces import Paces
from profiles import queries as profiles

OPEN_TRACKING: Final = "open_tracking"
WITHDRAWN, NEVER_GRANTED, TOO_OFTEN = "consent_withdrawn", "no_consent", "too_often"
_GRANTED, _WITHDRAWN = "granted", "withdrawn"
_CHANNELS: Final = {"mail": "email", "sms": "sms"}

Answers = Mapping[tuple[int, int, str, str], str]

_HASHED = Statement(
    "suppressions_hashed",
    """
SELECT 1 FROM messaging_suppression
WHERE left(address, 1) = '#' AND lifted_at IS NULL
  AND (expires_at IS NULL OR expires_at > %(at)s::timestamptz)
LIMIT 1
""",
)
_BANS = Statement(
    "suppressions_of",
    """
SELECT address, scope, reason, shop_id, topic, channel FROM messaging_suppression
WHERE address = ANY(%(addresses)s::text[]) AND lifted_at IS NULL
  AND (expires_at IS NULL OR expires_at > %(at)s::timestamptz)
""",
)


class Candidate(NamedTuple):
    """What is asked about one message; a tuple, for there are thousands a second."""

    id: int
    recipient: str
    purpose: str
    channel: str
    topic: str
    shop_id: int | None
    profile_id: int | None
    is_automatic: bool
    is_confidential: bool


@dataclass(frozen=True, slots=True)
class Permits:
    """By message id: why one must not go, and what is noted about those that may (rules/hits.py)."""

    refused: dict[int, str]
    noted: dict[int, int]


def candidate(message: OutgoingMessage) -> Candidate:
    """A message as it is asked about."""
    return Candidate(
        id=message.pk,
        recipient=message.recipient,
        purpose=message.purpose,
        channel=message.channel,
        topic=message.topic,
        shop_id=message.shop_id,
        profile_id=message.profile_id,
        is_automatic=message.is_automatic,
        is_confidential=message.is_confidential,
    )


def ask(candidates: Sequence[Candidate], *, at: datetime) -> Permits:
    """What holds for these messages now, the first to go first. Six queries at most, however many they are.

    Within the transaction that claims them: whose pace is asked is locked until it commits.
    """
    found_bans = bans({one.recipient for one in candidates}, at=at)
    rules = rules_of({one.shop_id for one in candidates if one.shop_id is not None})
    answers = _answers(candidates, rules)
    refused: dict[int, str] = {}
    bits: dict[int, int] = {}
    for one in candidates:
        if reason := _banned(one, found_bans) or _unwanted(one, rules, answers):
            refused[one.id] = reason
        elif one.shop_id is not None and (found := _noted(one, rules[one.shop_id], answers)):
            bits[one.id] = found
    refused |= _too_often([one for one in candidates if one.id not in refused], at=at)
    return Permits(refused, bits)


def bans(recipients: set[str], *, at: datetime) -> dict[str, list[gate.Ban]]:
    """What is in force for these addresses, also where an erased customer's is known by its hash only.

    Runs two queries.
    """
    hashed: Mapping[str, str] = {}
    if _HASHED.rows(at=at):
        hashed = profiles.tombstones.address_digests(recipients)
    found: dict[str, list[gate.Ban]] = {}
    rows = _BANS.rows(addresses=texts([*recipients, *hashed]), at=at)
    for address, scope, reason, shop_id, topic, channel in rows:
        ban = gate.Ban(scope=scope, reason=reason, shop_id=shop_id, topic=topic, channel=channel)
        found.setdefault(hashed.get(address, address), []).append(ban)
    return found


def _banned(one: Candidate, found_bans: Mapping[str, list[gate.Ban]]) -> str:
    if one.recipient not in found_bans:
        return ""
    ban = gate.stopped_by(
        found_bans[one.recipient],
        purpose=one.purpose,
        channel=one.channel,
        topic=one.topic,
        shop_id=one.shop_id,
    )
    return ban.reason if ban else ""


def _unwanted(one: Candidate, rules: Mapping[int, ShopRules], answers: Answers) -> str:
    """Why a customer does not get marketing: he said no, was asked and did not answer, or never agreed."""
    if one.purpose != gate.MARKETING:
        return ""
    if one.shop_id is None or one.profile_id is None:
        said = None
    else:
        place = (one.profile_id, one.shop_id, _CHANNELS[one.channel], gate.MARKETING)
        said = answers.get(place)
    needs_yes = one.shop_id is None or rules[one.shop_id].demands_opt_in
    if said == _WITHDRAWN:
        return WITHDRAWN
    return "" if said == _GRANTED or (said is None and not needs_yes) else NEVER_GRANTED


def _too_often(candidates: Sequence[Candidate], *, at: datetime) -> dict[int, str]:
    """The marketing mails that come sooner after another than their recipients want."""
    concerned = [
        (one.id, (one.profile_id, one.shop_id))
        for one in candidates
        if one.purpose == gate.MARKETING
        and one.channel == OutgoingMessage.Channel.MAIL
        and one.profile_id is not None
        and one.shop_id is not None
    ]
    paces = Paces((subject for _id, subject in concerned), at=at)
    return {pk: TOO_OFTEN for pk, subject in concerned if not paces.allow(subject)}


def _answers(candidates: Sequence[Candidate], rules: Mapping[int, ShopRules]) -> Answers:
    """What the customers behind them said, in one statement; in none when nothing depends on it."""
    pairs = {
        (one.profile_id, one.shop_id)
        for one in candidates
        if one.profile_id is not None
        and one.shop_id is not None
        and (one.purpose == gate.MARKETING or rules[one.shop_id].tracks_transactional)
    }
    return (
        profiles.consents.answers(pairs, purposes=[OPEN_TRACKING, gate.MARKETING]) if pairs else {}
    )


def _noted(one: Candidate, rules: ShopRules, answers: Answers) -> int:
    if one.channel != OutgoingMessage.Channel.MAIL or one.shop_id is None:
        return 0
    said = answers.get((one.profile_id or 0, one.shop_id, "email", OPEN_TRACKING))
    return noted(
        rules,
        purpose=one.purpose,
        is_automatic=one.is_automatic,
        is_confidential=one.is_confidential,
        allows_opens=said == _GRANTED,
    )
