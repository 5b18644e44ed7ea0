"""A courier: a small process of its own that fills mass mails and hands them over.

It knows neither Django nor the database. Its owner gives it one JSON object per line: first how to reach
the server, then one batch after the other; it answers each with a line, and has by then written in the
batch's journal what became of every mail it touched. It begins no mail after the batch's deadline: what
the claim found to be allowed must still be true when the mail leaves. When its input ends, so does it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from messaging.mime import mass, merging, writing
from messaging.rules import tokens
from messaging.transports import journal
from messaging.transports.pipeline import Parcel, Pipeline, Reporter
from messaging.transports.smtp import Hooks, Patience, Result, SmtpServer, Unreachable

AFTER_STARTED: Final = "messaging.after-journal-line"
AFTER_RCPT: Final = "messaging.after-rcpt"
AFTER_DATA: Final = "messaging.after-data-before-reply"
AFTER_ACCEPTED: Final = "messaging.after-250-before-commit"


@dataclass(frozen=True, slots=True)
class _Call:
    """A batch as it came in."""

    token: str
    deadline: float
    mails: list[list[Any]]
    plus: frozenset[str]


class Courier:
    """Keeps its connections and the compiled words between batches."""

    def __init__(self, setup: dict[str, Any]) -> None:
        self._failpoint = setup["failpoint"]
        self._place = Path(setup["desk"])
        self._key = bytes.fromhex(setup["key"])
        self._unsubscribe_url = setup["unsubscribe_url"]
        self._base = setup["base"]
        self._words: dict[int, mass.Compiled] = {}
        self._pen: journal.Pen | None = None
        reporter = Reporter(
            started=self._started,
            ended=self._ended,
            waiting=self._waiting,
            after_recipient=lambda: self._hit(AFTER_RCPT),
            after_data=lambda: self._hit(AFTER_DATA),
        )
        self._reporter = reporter
        server = SmtpServer.from_url(setup["url"])
        self._lines = [
            Pipeline(
                server,
                own_name=setup["own_name"],
                reporter=reporter,
                patience=Patience(**setup["patience"]),
            )
            for _ in range(setup["connections"])
        ]
        self._turn = 0

    def learn(self, number: int, words: dict[str, str]) -> None:
        """Compile what many mails say."""
        self._words[number] = mass.Compiled(mass.Words(**words), base=self._base)

    def forget(self) -> None:
        """Make room: all words are told anew."""
        self._words.clear()

    def carry(self, call: _Call) -> str:
        """Hand over one batch. Returns what kept us from the server, or ""."""
        self._pen = journal.Pen(self._place / f"{call.token}.journal")
        trouble = ""
        for mail in call.mails:
            if time.monotonic() > call.deadline:
                break
            try:
                parcel = self._pack(mail, call.plus)
            except (merging.RenderingFailed, writing.LineBreakInHeader) as error:
                entry = journal.Entry("unmade", _milliseconds(), 0, str(error))
                self._pen.end(mail[0], entry)
                continue
            if trouble := self._hand(parcel):
                break
        for line in self._lines:
            while not line.is_empty():
                line.push(None)
                trouble = trouble or line.trouble
        self._pen.close()
        return trouble

    def close(self) -> None:
        """Say goodbye to the server."""
        for line in self._lines:
            line.close()

    def _hand(self, parcel: Parcel) -> str:
        line = self._lines[self._turn]
        self._turn = (self._turn + 1) % len(self._lines)
        if not line.is_usable() or (line.is_empty() and not line.is_ready()):
            while not line.is_empty():
                line.push(None)
            try:
                line.open()
            except Unreachable as error:
                return str(error) or "unreachable"
            line.trouble = ""
        if line.pipelines:
            line.push(parcel)
            return line.trouble
        return self._hand_politely(line, parcel)

    def _hand_politely(self, line: Pipeline, parcel: Parcel) -> str:
        """To a server that wants to be asked step by step."""
        hooks = Hooks(
            after_recipient=self._reporter.after_recipient,
            after_data=self._reporter.after_data,
            before_message=lambda: self._started(parcel.number),
        )
        raw = parcel.raw.replace(b"\r\n..", b"\r\n.")
        result = line.send(
            sender=parcel.sender, recipient=parcel.recipient, message=raw, hooks=hooks
        )
        self._ended(parcel.number, result)
        if result.outcome in {"closed", "unknown"}:
            return result.reply.text if result.reply else result.text or "closed"
        return ""

    def _pack(self, mail: list[Any], plus: frozenset[str]) -> Parcel:
        number, uuid, to, sender, message_id, reply_to, is_marketing, wording, data, noted = mail
        links = self._links(uuid, sender) if is_marketing else ()
        back = sender
        if sender.lower() in plus:
            back = tokens.envelope_sender(sender, UUID(uuid), key=self._key)
        if wording is not None:
            filled = self._words[wording].fill(
                mass.Recipient(
                    address=to,
                    message_id=message_id,
                    date=_date(),
                    data=json.loads(data) if data else {},
                    reply_to=reply_to,
                    unsubscribe_links=links,
                    noted=noted,
                    token=tokens.token(UUID(uuid), use="track", key=self._key) if noted else "",
                )
            )
            return Parcel(number, back, to, filled.raw)
        draft = data | {"written_at": datetime.fromisoformat(data["written_at"])}
        raw = writing.build(writing.Draft(**draft, unsubscribe_links=links))
        if not raw.endswith(b"\r\n"):
            raw += b"\r\n"
        return Parcel(number, back, to, raw.replace(b"\r\n.", b"\r\n.."))

    def _links(self, uuid: str, sender: str) -> tuple[str, ...]:
        return unsubscribe_links(uuid, sender, url=self._unsubscribe_url, key=self._key)

    def _started(self, number: int) -> None:
        if self._pen is not None:
            self._pen.start(number, _milliseconds())
        self._hit(AFTER_STARTED)

    def _ended(self, number: int, result: Result) -> None:
        if result.outcome == "accepted":
            self._hit(AFTER_ACCEPTED)
        if self._pen is not None:
            code, text = (
                (result.reply.code, result.reply.text) if result.reply else (0, result.text)
            )
            self._pen.end(number, journal.Entry(result.outcome, _milliseconds(), code, text))

    def _waiting(self) -> None:
        if self._pen is not None:
            self._pen.flush()

    def _hit(self, name: str) -> None:
        if name == self._failpoint:
            os.kill(os.getpid(), signal.SIGKILL)


def unsubscribe_links(uuid: str, sender: str, *, url: str, key: bytes) -> tuple[str, ...]:
    """Where the recipient of this mail leaves in one click: `url` with its name for TOKEN, and by mail."""
    token = tokens.token(UUID(uuid), use="unsubscribe", key=key)
    links = [url.replace("TOKEN", token)]
    if address := tokens.plus_address(sender, token):
        links.append(f"mailto:{address}?subject=unsubscribe")
    return tuple(links)


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


def _date(now: list[Any] = [0, ""]) -> str:  # noqa: B006 - the last second and its date
    second = int(time.time())
    if second != now[0]:
        now[:] = [second, formatdate(second)]
    return str(now[1])


def _lines() -> Iterator[dict[str, Any]]:
    for line in sys.stdin.buffer:
        yield json.loads(line)


def main() -> None:
    """Serve until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the owner decides when to stop
    calls = _lines()
    courier = Courier(next(calls))
    _tell("", "")
    for call in calls:
        if call["forget"]:
            courier.forget()
        for number, words in call["words"].items():
            courier.learn(int(number), words)
        plus = frozenset(call["plus"])
        trouble = courier.carry(_Call(call["token"], call["deadline"], call["mails"], plus))
        _tell(call["token"], trouble)
    courier.close()


def _tell(token: str, trouble: str) -> None:
    sys.stdout.write(json.dumps({"token": token, "trouble": trouble}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
