"""The world outside the product: customers' mail servers, and the mail server of the shop."""

from __future__ import annotations

import imaplib
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

PATIENCE = 120.0
IMAP_USER, IMAP_PASSWORD = "shop", "only-for-this-test"


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, ready: Any, *, seconds: float = PATIENCE) -> Any:
    """The first truthy result of `ready()`; a refused connection counts as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := ready():
                return found
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.05)


@dataclass(frozen=True)
class Delivered:
    """A mail that reached a customer, and when."""

    recipient: str
    raw: bytes
    at: float

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)  # type: ignore[return-value]

    @property
    def message_id(self) -> str:
        return str(self.mail["Message-ID"])

    @property
    def text(self) -> str:
        body = self.mail.get_body(("plain",))
        return body.get_content() if body else ""


@dataclass
class Postman:
    """An SMTP server that stands for every customer's mail provider."""

    port: int = field(default_factory=free_port)
    delivered: list[Delivered] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        with self._lock:
            for recipient in envelope.rcpt_tos:
                self.delivered.append(Delivered(recipient, envelope.content, time.monotonic()))
        return "250 OK"

    def start(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=20)
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    def to(self, recipient: str) -> list[Delivered]:
        """What reached this customer, oldest first."""
        with self._lock:
            return [mail for mail in self.delivered if mail.recipient == recipient]

    def wait_for_mail(
        self, recipient: str, *, count: int = 1, seconds: float = PATIENCE
    ) -> Delivered:
        """The customer's nth mail; identical copies count once."""

        def nth() -> Delivered | None:
            different = {mail.message_id: mail for mail in reversed(self.to(recipient))}
            ordered = sorted(different.values(), key=lambda mail: mail.at)
            return ordered[count - 1] if len(ordered) >= count else None

        return wait_for(f"mail {count} to {recipient}", nth, seconds=seconds)


class ShopMailServer:
    """An IMAP server with the shop's mailbox; mail is laid into it as a mail server would."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self._log = log

    def start(self) -> None:
        command = [
            str(Path(sys.executable).with_name("pymap")),
            *("--host", "127.0.0.1", "--port", str(self.port), "--no-tls"),
            *("dict", "--demo-user", IMAP_USER, "--demo-password", IMAP_PASSWORD),
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("the IMAP server", self._answers)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def append(self, raw: bytes) -> None:
        """Let the shop's mailbox receive a mail."""
        with imaplib.IMAP4("127.0.0.1", self.port) as connection:
            connection.login(IMAP_USER, IMAP_PASSWORD)
            status, answer = connection.append("INBOX", "", "", raw)
            assert status == "OK", answer

    def _answers(self) -> bool:
        with imaplib.IMAP4("127.0.0.1", self.port):
            return True


def letter(
    *, sender: str, to: str, subject: str, text: str, answering: Delivered | None = None
) -> bytes:
    """What a customer's mail program sends; `answering` is the mail he answers."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{uuid.uuid4().hex}@customer.example>"
    if answering:
        before = str(answering.mail.get("References", ""))
        mail["In-Reply-To"] = answering.message_id
        mail["References"] = f"{before} {answering.message_id}".strip()
        quote = "\n".join(f"> {line}" for line in answering.text.splitlines())
        text = f"{text}\n\nLe 22 nov. 2026 à 09:12, Maison Alba a écrit :\n{quote}\n"
    mail.set_content(text)
    return mail.as_bytes()
