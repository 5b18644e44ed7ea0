"""Mass mail over one SMTP connection: each message travels together with the next one's envelope.

RFC 2920 lets the end of a message be followed by the commands of the next: while the server thinks about
one message it already has the envelope of another, and a mail costs one turn of the conversation.
Whoever has several such connections keeps all of them busy from one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from messaging.transports.smtp import (
    SERVER_TROUBLE,
    Lost,
    Reply,
    Result,
    SmtpServer,
    SmtpSession,
    describe,
)

END = b".\r\n"
MESSAGES_PER_SESSION = 1000


@dataclass(frozen=True, slots=True)
class Parcel:
    """A mail ready for the wire: leading dots doubled, ends with CRLF, without the final dot."""

    number: int
    sender: str
    recipient: str
    raw: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Reporter:
    """Who is told: before a message is handed over, when its result is known, before waiting for the server.

    The last two are crash points for tests.
    """

    started: Callable[[int], None]
    ended: Callable[[int, Result], None]
    waiting: Callable[[], None]
    after_recipient: Callable[[], None]
    after_data: Callable[[], None]


class Pipeline(SmtpSession):
    """A connection with one message at the server and the envelope of the next on its way."""

    def __init__(self, server: SmtpServer, *, own_name: str, reporter: Reporter, **options: object):
        super().__init__(server, own_name=own_name, **options)  # type: ignore[arg-type] # its own
        self._reporter = reporter
        self._handed: Parcel | None = None
        self._announced: Parcel | None = None
        self.trouble = ""

    def is_usable(self) -> bool:
        """Whether another message may be pushed over the connection as it is."""
        return self._socket is not None and self.messages < MESSAGES_PER_SESSION

    def is_empty(self) -> bool:
        """Whether nothing is under way."""
        return self._handed is None and self._announced is None

    def push(self, parcel: Parcel | None) -> None:
        """Take the answers to what is under way, hand over what was announced, announce this one.

        None announces nothing: called until `is_empty` it brings everything to its end. Never raises;
        after a failure `trouble` says what happened, what was handed over has its result, and what was
        only announced was never handed over and has none.
        """
        try:
            self._hear()
            body = self._accepted_envelope()
            self._send(body, parcel)
        except (Lost, OSError) as error:
            self._lose(describe(error))

    def _receive(self, deadline: float) -> None:
        self._reporter.waiting()
        super()._receive(deadline)

    def _hear(self) -> None:
        """The answer to the message that was handed over."""
        if self._handed is None:
            return
        reply = self._reply(time.monotonic() + self.patience.final_reply)
        handed, self._handed = self._handed, None
        if reply.code in SERVER_TROUBLE:
            self._end(handed, Result(outcome="closed", reply=reply))
            raise Lost(f"{reply.code} {reply.text}")
        self._end(handed, _result(reply))

    def _accepted_envelope(self) -> Parcel | None:
        """The announced message, when the server waits for it."""
        parcel = self._announced
        if parcel is None:
            return None
        refused: Reply | None = None
        for wanted in (250, 250, 354):
            reply = self._reply(time.monotonic() + self.patience.command)
            if reply.code in SERVER_TROUBLE:
                raise Lost(f"{reply.code} {reply.text}")
            if reply.code != wanted and not (wanted == 250 and reply.code == 251):  # noqa: PLR2004 - SMTP replies
                refused = refused or reply
            elif wanted == 354 and refused is not None:  # noqa: PLR2004 - SMTP reply
                # A message to nobody: the server refuses it, and the conversation goes on.
                self._write(END, self.patience.command)
                self._reply(time.monotonic() + self.patience.command)
        self._announced = None
        if refused is None:
            self._reporter.after_recipient()
            return parcel
        self._end(parcel, _result(refused))
        self._write(b"RSET\r\n", self.patience.command)
        self._reply(time.monotonic() + self.patience.command)
        return None

    def _send(self, body: Parcel | None, following: Parcel | None) -> None:
        envelope = self._envelope(following) if following is not None else b""
        self._announced = following
        self.messages += following is not None
        if body is None:
            self._write(envelope, self.patience.command)
            return
        self._reporter.started(body.number)
        data = body.raw + END
        try:
            self._write(data + envelope, self.patience.data)
        except (Lost, OSError) as error:
            outcome = "unknown" if self.written >= len(data) else "closed"
            self._end(body, Result(outcome=outcome, text=describe(error)))  # type: ignore[arg-type] # of Outcome
            raise
        self._handed = body
        self._reporter.after_data()

    def _envelope(self, parcel: Parcel) -> bytes:
        size = f" SIZE={len(parcel.raw)}" if "SIZE" in self._extensions else ""
        return (
            f"MAIL FROM:<{parcel.sender}>{size}\r\nRCPT TO:<{parcel.recipient}>\r\nDATA\r\n"
        ).encode()

    def _end(self, parcel: Parcel, result: Result) -> None:
        self._reporter.ended(parcel.number, result)

    def _lose(self, why: str) -> None:
        self.trouble = why
        handed, self._handed, self._announced = self._handed, None, None
        self._drop()
        if handed is not None:
            self._end(handed, Result(outcome="unknown", text=why))


def _result(reply: Reply) -> Result:
    if 200 <= reply.code < 300:  # noqa: PLR2004 - SMTP replies
        return Result(outcome="accepted", reply=reply)
    return Result(outcome="rejected" if reply.code >= 500 else "deferred", reply=reply)  # noqa: PLR2004 - SMTP replies
