"""A real SMTP server on loopback that misbehaves on demand and remembers what it accepted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Accepted:
    """A mail the server said 250 to."""

    sender: str
    recipient: str
    raw: bytes

    @property
    def mail(self) -> Message:
        return message_from_bytes(self.raw)


@dataclass
class Sink:
    """The handler: each attribute is a kind of trouble, applied to every mail until it is changed."""

    accepted: list[Accepted] = field(default_factory=list)
    received: list[Accepted] = field(default_factory=list)
    connections: int = 0
    recipient_reply: str | None = None
    reply_for_domain: str = ""
    data_reply: str | None = None
    drop_after_data: int = 0
    lose_reply_after_accepting: int = 0
    delay: float = 0.0
    on_data: Callable[[], None] | None = None

    async def handle_EHLO(  # noqa: N802 - fixed by aiosmtpd
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.connections += 1
        return responses

    async def handle_RCPT(  # noqa: N802 - fixed by aiosmtpd
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.recipient_reply and address.endswith(self.reply_for_domain):
            return self.recipient_reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        mail = Accepted(envelope.mail_from, envelope.rcpt_tos[0], envelope.content)
        self.received.append(mail)
        if self.on_data:
            await asyncio.to_thread(self.on_data)
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.drop_after_data:
            self.drop_after_data -= 1
            server.transport.abort()
            return "250 never heard"
        if self.data_reply:
            return self.data_reply
        self.accepted.append(mail)
        if self.lose_reply_after_accepting:
            self.lose_reply_after_accepting -= 1
            server.transport.abort()
        return f"250 2.0.0 queued as {len(self.accepted)}"


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """The sink on a fixed port; can be stopped and started again."""

    def __init__(self) -> None:
        self.sink = Sink()
        self.port = free_port()
        self._controller: Controller | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._controller = Controller(
            self.sink, hostname="127.0.0.1", port=self.port, ready_timeout=10
        )
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None
