"""The door for mail servers that deliver to us directly: SMTP (RFC 5321) or LMTP (RFC 2033) on a local port.

"250" is said only after the caller has the mail; whatever goes wrong on our side is a "later" (4xx), so
that the mail server keeps the mail and comes again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from messaging.mime import limits

log = logging.getLogger(__name__)

MOST_RECIPIENTS: Final = 100
LARGEST: Final = limits.MESSAGE + limits.MEBIBYTE
SECONDS_OF_SILENCE: Final = 120.0
WORKERS: Final = 4
"""Mails written down at once; further connections wait for their turn."""

LATER: Final = "451 4.3.0 Cannot take mail at the moment, please try again later"
UNKNOWN: Final = "550 5.1.1 No such mailbox here"
TAKEN: Final = "250 2.0.0 Taken"


class Unavailable(Exception):
    """Mail cannot be taken at the moment: the sender is asked to come again."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where to listen, and which of the two protocols is spoken there."""

    protocol: str
    host: str
    port: int

    @classmethod
    def from_url(cls, url: str) -> Door:
        """`smtp://host:port` or `lmtp://host:port`. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "lmtp"} or not parts.hostname or parts.port is None:
            raise ValueError(f"not smtp://host:port or lmtp://host:port: {url!r}")
        return cls(parts.scheme, parts.hostname, parts.port)


Knows = Callable[[str], bool]
"""Whether mail to this address is ours to take. May raise Unavailable."""


class Takes(Protocol):
    """Keeps a mail for good, for one recipient. May raise Unavailable."""

    def __call__(self, raw: bytes, /, *, sender: str, recipient: str) -> None: ...


class Listener:
    """Listens in a thread of its own between `start` and `stop`."""

    def __init__(self, door: Door, *, knows: Knows, takes: Takes) -> None:
        self.door = door
        self._handler = _Handler(door, knows, takes)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="mail-door", daemon=True)
        self._server: asyncio.Server | None = None

    def start(self) -> None:
        """Begin to listen. Raises OSError when the port is taken."""
        make = _Lmtp if self.door.protocol == "lmtp" else _Smtp
        listening = self._loop.create_server(
            lambda: make(
                self._handler,
                loop=self._loop,
                data_size_limit=LARGEST,
                enable_SMTPUTF8=True,
                timeout=SECONDS_OF_SILENCE,
                ident="eCRM",
            ),
            host=self.door.host,
            port=self.door.port,
        )
        self._server = self._loop.run_until_complete(listening)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; mail that is being written down is still answered."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=10)
        self._handler.close()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        if self._server is not None:
            self._server.close()
        self._loop.run_until_complete(self._handler.finish())


class _Smtp(SMTP):
    # Mails with lines longer than the standard allows are common, and are not for us to refuse.
    line_length_limit = LARGEST
    __ident__ = "eCRM"


class _Lmtp(LMTP):
    line_length_limit = LARGEST
    __ident__ = "eCRM"


class _Handler:
    """Answers the protocol's questions; what touches the database runs in threads."""

    def __init__(self, door: Door, knows: Knows, takes: Takes) -> None:
        self._says_each = door.protocol == "lmtp"
        self._knows = knows
        self._takes = takes
        self._pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="mail-door")
        self._open: set[asyncio.Future[Any]] = set()

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    async def finish(self) -> None:
        """Let answers go out that wait for a commit."""
        if self._open:
            await asyncio.wait(self._open, timeout=10)
        await asyncio.sleep(0)

    async def handle_RCPT(  # noqa: N802 - fixed by aiosmtpd
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],  # noqa: ARG002
    ) -> str:
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        try:
            is_known = await self._in_thread(self._knows, address)
        except Unavailable:
            return LATER
        if not is_known:
            return UNKNOWN
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Go ahead"

    async def handle_DATA(  # noqa: N802 - fixed by aiosmtpd
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
    ) -> str:
        raw, envelope.original_content = envelope.content, None
        envelope.content = None
        if not isinstance(raw, bytes):
            return LATER
        sender = (envelope.mail_from or "").strip("<>")
        answers = [
            await self._taken(raw, sender, recipient)
            for recipient in dict.fromkeys(envelope.rcpt_tos)
        ]
        if self._says_each:
            by_recipient = dict(zip(dict.fromkeys(envelope.rcpt_tos), answers, strict=True))
            return "\r\n".join(by_recipient[recipient] for recipient in envelope.rcpt_tos)
        # One answer for all: who took it already recognises it as a duplicate when it comes again.
        return TAKEN if set(answers) == {TAKEN} else LATER

    async def handle_exception(self, error: Exception) -> str:
        """A fault of ours never loses a mail."""
        log.error("mail_door_failed", exc_info=error)
        return LATER

    async def _taken(self, raw: bytes, sender: str, recipient: str) -> str:
        try:
            await self._in_thread(partial(self._takes, raw, sender=sender, recipient=recipient))
        except Unavailable:
            return LATER
        return TAKEN

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        running = asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        self._open.add(running)
        try:
            return await running
        finally:
            self._open.discard(running)
