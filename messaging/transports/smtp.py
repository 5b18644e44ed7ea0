"""One SMTP session: opened once, used for many messages, every wait bounded by a deadline.

The library's client waits without end for a server that sends one byte a second, and hides at which
point of a message the connection broke. Here each command has a deadline, and the answer says whether
the server may have taken the message.
"""

from __future__ import annotations

import base64
import ipaddress
import select
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

Outcome = Literal["accepted", "deferred", "rejected", "closed", "unknown"]

LONGEST_LINE = 4096
MOST_LINES = 100
MESSAGES_PER_SESSION = 100
SERVER_TROUBLE = frozenset({421, 454, 530, 535})
"""Replies about the session, not about the message."""


class InvalidSmtpUrl(ValueError):
    """The text is not an address of an SMTP server."""


class Unreachable(Exception):
    """No session: not connected, not greeted, not trusted or not signed in. Nothing was handed over."""


class Lost(Exception):
    """The connection broke or the deadline passed while waiting."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SmtpServer:
    """Where and how to hand mail over."""

    host: str
    port: int
    is_tls: bool = False
    is_starttls: bool = False
    username: str = ""
    password: str = ""

    @classmethod
    def from_url(cls, url: str) -> SmtpServer:
        """From smtp://user:password@host:port, smtps://…, or smtp://…?starttls=1. Raises InvalidSmtpUrl."""
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise InvalidSmtpUrl("Expected smtp://user:password@host:port or smtps://….")
        try:
            port = parts.port
        except ValueError as error:
            raise InvalidSmtpUrl("The port of the mail server is not a number.") from error
        is_tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=port or (465 if is_tls else 587 if parts.username else 25),
            is_tls=is_tls,
            is_starttls=parse_qs(parts.query).get("starttls", ["0"])[-1] == "1",
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    @property
    def name(self) -> str:
        """Host and port, as shown to people and written to attempts."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How many seconds each stage may take; RFC 5321 asks for ten minutes after the message."""

    connect: float = 10.0
    command: float = 60.0
    data: float = 180.0
    final_reply: float = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What the server answered."""

    code: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """How one message fared.

    `accepted`: the server has it. `deferred`, `rejected`: it has not, and said so about this message.
    `closed`: it has not, and the session is over. `unknown`: the session ended after the message was
    handed over and before the answer: it may have it. `reason` is our word for it where the transport
    knows better than the number of the reply, `provider_id` the name the message has there.
    """

    outcome: Outcome
    reply: Reply | None = None
    text: str = ""
    reason: str = ""
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Moments within a message, for tests which kill the process there."""

    after_recipient: Callable[[], None]
    after_data: Callable[[], None]
    before_message: Callable[[], None] | None = None


class SmtpSession:
    """A signed-in connection. Not shared between threads."""

    def __init__(
        self, server: SmtpServer, *, own_name: str, patience: Patience | None = None
    ) -> None:
        self.server = server
        self.patience = patience or Patience()
        self.messages = 0
        self.written = 0
        self._own_name = own_name
        self._socket: socket.socket | None = None
        self._buffer = bytearray()
        self._extensions: dict[str, str] = {}

    # --- The session ---

    @property
    def pipelines(self) -> bool:
        """Whether the server takes commands before it has answered (RFC 2920)."""
        return "PIPELINING" in self._extensions

    def is_ready(self) -> bool:
        """Whether the next message can go over this connection as it is."""
        if self._socket is None or self.messages >= MESSAGES_PER_SESSION:
            return False
        # Anything to read between two messages is a farewell or the end of the connection.
        return not select.select([self._socket], [], [], 0)[0]

    def open(self) -> None:
        """Connect, greet, encrypt and sign in. Raises Unreachable."""
        self.close()
        try:
            self._connect()
            self._greet()
            if self.server.is_starttls:
                self._encrypt()
            if self.server.username:
                self._sign_in()
        except (Lost, OSError, ssl.SSLError) as error:
            self._drop()
            raise Unreachable(describe(error)) from error
        except Unreachable:
            self._drop()
            raise

    def close(self) -> None:
        """Say goodbye when connected; never raises."""
        if self._socket is None:
            return
        try:
            self._command("QUIT", seconds=2.0)
        except (Lost, OSError):
            pass
        finally:
            self._drop()

    def _connect(self) -> None:
        server, seconds = self.server, self.patience.connect
        self._buffer.clear()
        self.messages = 0
        plain = socket.create_connection((server.host, server.port), timeout=seconds)
        self._socket = plain
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if server.is_tls:
            self._socket = ssl.create_default_context().wrap_socket(
                plain, server_hostname=server.host
            )
        self._expect(self._reply(time.monotonic() + seconds), 220)

    def _greet(self) -> None:
        reply = self._command(f"EHLO {self._own_name}", seconds=self.patience.command)
        self._expect(reply, 250)
        self._extensions = {}
        for line in reply.text.split("\n")[1:]:
            keyword, _, parameters = line.partition(" ")
            self._extensions[keyword.upper()] = parameters

    def _encrypt(self) -> None:
        if "STARTTLS" not in self._extensions or self._socket is None:
            raise Unreachable("The server does not offer STARTTLS.")
        self._expect(self._command("STARTTLS", seconds=self.patience.command), 220)
        if self._buffer:
            raise Unreachable("The server spoke before encryption began.")
        self._socket.settimeout(self.patience.connect)
        self._socket = ssl.create_default_context().wrap_socket(
            self._socket, server_hostname=self.server.host
        )
        self._greet()

    def _sign_in(self) -> None:
        if not isinstance(self._socket, ssl.SSLSocket) and not _is_loopback(self.server.host):
            raise Unreachable("Will not send the password over an unencrypted connection.")
        methods = self._extensions.get("AUTH", "").upper().split()
        name, password = self.server.username, self.server.password
        seconds = self.patience.command
        if "PLAIN" in methods:
            token = _base64(f"\0{name}\0{password}")
            reply = self._command(f"AUTH PLAIN {token}", seconds=seconds)
        elif "LOGIN" in methods:
            self._expect(self._command("AUTH LOGIN", seconds=seconds), 334)
            self._expect(self._command(_base64(name), seconds=seconds), 334)
            reply = self._command(_base64(password), seconds=seconds)
        else:
            raise Unreachable("The server offers no way to sign in that we know.")
        self._expect(reply, 235)

    @staticmethod
    def _expect(reply: Reply, code: int) -> None:
        if reply.code != code:
            raise Unreachable(f"{reply.code} {reply.text}")

    # --- A message ---

    def send(
        self, *, sender: str, recipient: str, message: bytes, hooks: Hooks | None = None
    ) -> Result:
        """Hand over one message with CRLF line ends to one recipient. Never raises."""
        self.messages += 1
        try:
            refused = self._open_envelope(sender, recipient, len(message), hooks)
        except (Lost, OSError) as error:
            self._drop()
            return Result(outcome="closed", text=describe(error))
        if refused is not None:
            return self._refused(refused)
        return self._hand_over(message, hooks)

    def _open_envelope(
        self, sender: str, recipient: str, size: int, hooks: Hooks | None
    ) -> Reply | None:
        """MAIL, RCPT and DATA; the reply that refused, or None when the server waits for the message."""
        size_note = f" SIZE={size}" if "SIZE" in self._extensions else ""
        commands = [f"MAIL FROM:<{sender}>{size_note}", f"RCPT TO:<{recipient}>", "DATA"]
        seconds = self.patience.command
        is_pipelined = "PIPELINING" in self._extensions
        if is_pipelined:
            self._write("".join(f"{line}\r\n" for line in commands).encode(), seconds)
        refused: Reply | None = None
        for position, (line, wanted) in enumerate(zip(commands, (250, 250, 354), strict=True)):
            if not is_pipelined:
                self._write(f"{line}\r\n".encode(), seconds)
            reply = self._reply(time.monotonic() + seconds)
            is_refusal = reply.code != wanted and not (wanted == 250 and reply.code == 251)  # noqa: PLR2004 - SMTP replies
            if is_refusal and refused is None:
                refused = reply
            if refused is not None and not is_pipelined:
                return refused
            if refused is None and position == 1 and hooks:
                hooks.after_recipient()
            if refused is not None and reply.code == 354:  # noqa: PLR2004 - SMTP reply
                self._write(b".\r\n", seconds)
                self._reply(time.monotonic() + seconds)
        return refused

    def _hand_over(self, message: bytes, hooks: Hooks | None) -> Result:
        if hooks and hooks.before_message:
            hooks.before_message()
        body = message.replace(b"\r\n.", b"\r\n..")
        if body.startswith(b"."):
            body = b"." + body
        if not body.endswith(b"\r\n"):
            body += b"\r\n"
        try:
            self._write(body, self.patience.data)
        except (Lost, OSError) as error:
            # Without the final dot no server may keep the message.
            self._drop()
            return Result(outcome="closed", text=describe(error))
        try:
            self._write(b".\r\n", self.patience.command)
            if hooks:
                hooks.after_data()
            reply = self._reply(time.monotonic() + self.patience.final_reply)
        except (Lost, OSError) as error:
            self._drop()
            return Result(outcome="unknown", text=describe(error))
        if 200 <= reply.code < 300:  # noqa: PLR2004 - SMTP replies
            return Result(outcome="accepted", reply=reply)
        return self._refused(reply)

    def _refused(self, reply: Reply) -> Result:
        if reply.code in SERVER_TROUBLE:
            self._drop()
            return Result(outcome="closed", reply=reply)
        try:
            self._expect(self._command("RSET", seconds=self.patience.command), 250)
        except (Lost, OSError, Unreachable):
            self._drop()
        outcome: Outcome = "rejected" if 500 <= reply.code < 600 else "deferred"  # noqa: PLR2004 - SMTP replies
        return Result(outcome=outcome, reply=reply)

    # --- Bytes ---

    def _command(self, line: str, *, seconds: float) -> Reply:
        self._write(f"{line}\r\n".encode(), seconds)
        return self._reply(time.monotonic() + seconds)

    def _write(self, data: bytes, seconds: float) -> None:
        if self._socket is None:
            raise Lost("not connected")
        view, deadline = memoryview(data), time.monotonic() + seconds
        self.written = 0
        while self.written < len(view):
            self._socket.settimeout(_remaining(deadline))
            self.written += self._socket.send(view[self.written :])

    def _reply(self, deadline: float) -> Reply:
        lines: list[str] = []
        while len(lines) < MOST_LINES:
            line = self._line(deadline)
            if not line[:3].isdigit():
                raise Lost("the server does not speak SMTP")
            lines.append(line[4:])
            if line[3:4] != "-":
                return Reply(code=int(line[:3]), text="\n".join(lines))
        raise Lost("the server's answer has no end")

    def _line(self, deadline: float) -> str:
        while (end := self._buffer.find(b"\n")) < 0:
            self._receive(deadline)
        line = self._buffer[:end].decode("utf-8", "replace").rstrip("\r")
        del self._buffer[: end + 1]
        return line

    def _receive(self, deadline: float) -> None:
        if len(self._buffer) > LONGEST_LINE:
            raise Lost("the server's line has no end")
        if self._socket is None:
            raise Lost("not connected")
        self._socket.settimeout(_remaining(deadline))
        received = self._socket.recv(4096)
        if not received:
            raise Lost("the server closed the connection")
        self._buffer += received

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer.clear()


def _remaining(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise Lost("the server took too long")
    return seconds


def describe(error: Exception) -> str:
    """What kept us from talking to the server, in a few words."""
    if isinstance(error, TimeoutError):
        return "the server took too long"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
