"""The sender of mass mail by a provider's API: the words once in a call, and what differs for each recipient.

The journal is the one of the courier (docs/adr/0011-mass-mail-by-courier.md) and is settled by the same
code: each mail of a call is written down before the call, and how it fared after it. A call without an
answer leaves its mails ambiguous.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.utils.timezone import now

from ecrm.kernel import failpoints
from messaging.mime import following, mass, merging, writing
from messaging.mime.blanks import Form
from messaging.rules import tokens
from messaging.services import mass_claims, mass_settling, servers, tracking
from messaging.services.keys import signing_key
from messaging.services.mass_claims import Batch
from messaging.transports import courier, journal, provider_api
from messaging.transports.provider_api import Letter, Person, Provider, ProviderSession
from messaging.transports.smtp import Result

AFTER_CALL = failpoints.declare("messaging.after-provider-call")
OUT_WITHIN: Final = 10.0
"""Seconds after the claim, which asks who may be written to, in which the last call begins."""
MOST_FORMS: Final = 200
RECOVER_EVERY: Final = 1.0
_Key = tuple[Any, ...]
_OVER: Final = frozenset({"closed", "unknown"})


@dataclass(slots=True)
class _Call:
    """A letter and whom it goes to, by the numbers of their messages."""

    letter: Letter
    people: dict[int, Person] = field(default_factory=dict)
    addresses: set[str] = field(default_factory=set)

    def halves(self) -> tuple[_Call, _Call]:
        """The same letter to the first and to the second half of them."""
        everybody = list(self.people.items())
        middle = len(everybody) // 2
        return (
            _Call(self.letter, dict(everybody[:middle])),
            _Call(self.letter, dict(everybody[middle:])),
        )


class ProviderMassSender:
    """One connection to the provider and its journals. Not shared between threads."""

    def __init__(
        self,
        url: str,
        *,
        journals: Path | None = None,
        seconds: float = provider_api.SECONDS,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.url = url
        provider = Provider.from_url(url)
        self.host = provider.host
        self._dialect = provider.dialect
        self._session = ProviderSession(provider, seconds=seconds)
        self._journals = journals or settings.ECRM_STATE_DIR / "mail-journals"
        self._desk: journal.Desk | None = None
        self._clock = clock
        self._words: dict[int, mass.Words] = {}
        self._forms: dict[tuple[int, int], Form] = {}
        self._recovered_at = float("-inf")

    def send_due(self) -> bool:
        """Send one batch and settle it. True when there was something to do."""
        recovered = self._recover()
        if servers.is_paused(self.host, at=self._clock()):
            return recovered > 0
        if self._desk is None:
            self._desk = journal.Desk(self._journals / uuid.uuid4().hex)
            journal.tidy(self._journals)
        token, begun = uuid.uuid4(), time.monotonic()
        path = journal.create(self._desk.place, str(token))
        batch = mass_claims.claim(token, limit=provider_api.MOST_AT_ONCE, at=self._clock())
        if batch is None or not batch.mails:
            path.unlink()
            return batch is not None or recovered > 0
        pen = journal.Pen(path)
        trouble = self._carry(batch, pen, deadline=begun + OUT_WITHIN)
        pen.close()
        self._settle(batch, path, trouble)
        return True

    def close(self) -> None:
        """Let go of the connection and of the journals, all of which are settled."""
        self._session.close()
        if self._desk is not None:
            self._desk.leave()
            self._desk = None

    def _recover(self) -> int:
        if time.monotonic() - self._recovered_at < RECOVER_EVERY:
            return 0
        self._recovered_at = time.monotonic()
        return mass_settling.recover_abandoned(self._journals, at=self._clock())

    def _carry(self, batch: Batch, pen: journal.Pen, *, deadline: float) -> str:
        """Hand the batch over, call by call. Returns what is wrong with the provider, or ""."""
        waiting = deque(self._calls(batch, pen))
        while waiting and time.monotonic() < deadline:
            call = waiting.popleft()
            for number in call.people:
                pen.start(number, _milliseconds())
            results = self._session.send(call.letter, list(call.people.values()))
            AFTER_CALL.hit()
            is_refused = all(result.outcome == "rejected" for result in results)
            if is_refused and len(results) > 1:
                # One bad address makes a provider refuse all of a call: nobody got anything yet.
                results = [Result(outcome="closed", text="refused with others")] * len(results)
                waiting.extendleft(reversed(call.halves()))
            for number, result in zip(call.people, results, strict=True):
                pen.end(number, _entry(result))
            pen.flush()
            if not is_refused and results[0].outcome in _OVER:
                first = results[0]
                return first.reply.text if first.reply and first.reply.text else first.text
        return ""

    def _settle(self, batch: Batch, path: Path, trouble: str) -> None:
        until = None
        if trouble:
            until = servers.report_failure(self.host, error=trouble, at=self._clock())
        mass_settling.settle(
            batch.token,
            story=journal.read(path),
            message_ids=batch.message_ids,
            host=self.host,
            trouble=trouble,
            available_at=until,
            at=self._clock(),
        )
        path.unlink(missing_ok=True)
        if not trouble:
            servers.report_success(self.host)

    def _calls(self, batch: Batch, pen: journal.Pen) -> list[_Call]:
        """The batch as calls: one wording, one sender, and no address twice in each."""
        self._learn(batch.wordings)
        open_calls: dict[_Key, _Call] = {}
        calls: list[_Call] = []
        for mail in batch.mails:
            try:
                key, letter, person = self._packed(mail)
            except (merging.RenderingFailed, writing.LineBreakInHeader) as error:
                pen.end(mail[0], journal.Entry("unmade", _milliseconds(), 0, str(error)))
                continue
            call = open_calls.get(key) if key else None
            if call is None or _is_among(person, call):
                call = _Call(letter)
                calls.append(call)
                open_calls[key] = call
            call.people[mail[0]] = person
            call.addresses.add(person.address.lower())
        return calls

    def _packed(self, mail: list[Any]) -> tuple[_Key, Letter, Person]:
        """The letter of one mail and what is his. Mails with the same key that is not () share a letter."""
        _number, uuid_, to, sender, message_id, reply_to, is_marketing, wording, data, noted = mail
        links = _links(uuid_, sender) if is_marketing else ()
        if wording is None:
            draft = data | {"written_at": datetime.fromisoformat(data["written_at"])}
            return (), *self._alone(writing.Draft(**draft, unsubscribe_links=links))
        words, form = self._words[wording], self._form(wording, noted)
        filling = json.loads(data) if data else {}
        token = tokens.token(UUID(uuid_), use="track", key=signing_key()) if noted else ""
        values = form.fill(filling, token=token)
        if not form.arrives(values):
            finished = _finished(words, filling, token=token, noted=noted)
            return (), *self._alone(
                writing.Draft(
                    **finished,
                    recipient=to,
                    message_id=message_id,
                    reply_to=reply_to,
                    unsubscribe_links=links,
                )
            )
        letter = Letter(
            sender_name=words.from_name,
            sender_address=sender,
            form=form,
            reply_to=provider_api.one_line(reply_to),
            headers=provider_api.automatic_headers(),
        )
        person = Person(
            address=provider_api.one_line(to),
            message_id=provider_api.one_line(message_id),
            values=values,
            headers=provider_api.unsubscribe_headers(links),
        )
        return (wording, noted, sender, reply_to), letter, person

    def _alone(self, draft: writing.Draft) -> tuple[Letter, Person]:
        return provider_api.letter_of(draft, dialect=self._dialect)

    def _learn(self, wordings: set[int]) -> None:
        if len(self._forms) + len(wordings) > MOST_FORMS:
            self._words.clear()
            self._forms.clear()
        for number, words in mass_claims.words(wordings - self._words.keys()).items():
            self._words[number] = mass.Words(**words)

    def _form(self, wording: int, noted: int) -> Form:
        key = (wording, noted)
        if key not in self._forms:
            self._forms[key] = Form(
                self._words[wording], dialect=self._dialect, base=tracking.base(), noted=noted
            )
        return self._forms[key]


def _finished(words: mass.Words, data: dict[str, Any], *, token: str, noted: int) -> dict[str, Any]:
    """What a wording says to one recipient, as parts of a draft. Raises merging.RenderingFailed."""
    markup = merging.markup(words.html, data) if words.html else ""
    if noted and markup:
        markup = following.followed(markup, base=tracking.base(), token=token, noted=noted)
    return {
        "sender_name": words.from_name,
        "sender_address": words.from_address,
        "subject": " ".join(merging.Text(words.subject).fill(data).split()),
        "text": merging.Text(words.text).fill(data),
        "html": markup,
        "in_reply_to": "",
        "references": (),
        "written_at": now(),
        "is_automatic": True,
    }


def _links(uuid_: str, sender: str) -> tuple[str, ...]:
    url = f"{tracking.base()}/preferences/TOKEN/one-click/"
    return courier.unsubscribe_links(uuid_, sender, url=url, key=signing_key())


def _is_among(person: Person, call: _Call) -> bool:
    """Whether the call has somebody with this address: its data would stand for both."""
    return person.address.lower() in call.addresses


def _entry(result: Result) -> journal.Entry:
    code, text = (result.reply.code, result.reply.text) if result.reply else (0, result.text)
    return journal.Entry(
        result.outcome,
        _milliseconds(),
        code,
        text,
        reason=result.reason,
        provider_id=result.provider_id,
    )


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
