"""One IMAP session that looks and never touches: folders are opened read-only, mails are peeked at."""

from __future__ import annotations

import imaplib
import ipaddress
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from imap_tools import BaseMailBox, ImapToolsError, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import UnexpectedCommandStatusError
from imap_tools.idle import get_socket_poller

from messaging.mime import limits
from messaging.rules import sign_in

SECONDS: Final = 20.0
LOOK_UP_SECONDS: Final = 1
"""How long a rest notices neither its end nor a lost lease."""
LARGEST_FETCHED: Final = limits.MESSAGE + limits.MEBIBYTE
"""Of a larger mail only the headers are fetched: it could not be read anyway."""
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")
_ERRORS: Final = (imaplib.IMAP4.error, ImapToolsError, OSError, ssl.SSLError, ValueError, EOFError)


class ImapFailed(Exception):
    """The server could not be reached, refused us, or broke off; says which in its own words."""


class ImapNotSignedIn(ImapFailed):
    """The server does not accept who we say we are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImapLogin:
    """Where and as whom to look: by password, or by an access token (SASL XOAUTH2)."""

    host: str
    port: int
    security: str
    username: str
    password: str
    folder: str
    access_token: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedMail:
    """The bytes of a mail; of one that is too large only its headers."""

    raw: bytes
    is_truncated: bool


class ImapSession:
    """A signed-in connection with one folder open. Not shared between threads."""

    def __init__(self, login: ImapLogin) -> None:
        self._login = login
        self._box: BaseMailBox | None = None
        self._tells_news = False
        self.uidvalidity = 0

    def open(self) -> None:
        """Connect, sign in and open the folder. Raises ImapFailed, ImapNotSignedIn when refused."""
        self.close()
        with _translated():
            self._box = self._connect()
            self._sign_in(self._box)
            # Asked again, for many servers offer more to those who signed in.
            _status, offered = self._box.client.capability()
            self._tells_news = b"IDLE" in offered[-1].upper().split() if offered else False
            self.refresh()

    def refresh(self) -> None:
        """Look at the folder anew, so that mail which arrived meanwhile is seen. Raises ImapFailed."""
        with _translated():
            box = self._opened()
            box.folder.set(self._login.folder, readonly=True)
            _, values = box.client.response("UIDVALIDITY")
            self.uidvalidity = int(values[0]) if values and values[0] else 0

    def wait(self, seconds: float, *, ends: threading.Event) -> bool:
        """Rest until the server says that something is new (RFC 2177), the time is over, or `ends` is set.

        Returns whether the server can say so at all; without that it does not rest. Raises ImapFailed.
        """
        if not self._tells_news:
            return False
        with _translated():
            idle: Any = self._opened().idle
            deadline = time.monotonic() + seconds
            idle.start()
            while not ends.is_set() and time.monotonic() < deadline:
                if self._has_words(LOOK_UP_SECONDS):
                    break
            idle.stop()
        return True

    def _has_words(self, seconds: int) -> bool:
        """Whether the server says anything within this time; what it says is left for `idle.stop()`.

        Nothing is read as a line here: a line may arrive in parts, and only who waits gets all of it.
        """
        client: Any = self._opened().client
        client.sock.settimeout(0)
        try:
            with suppress(BlockingIOError, ssl.SSLWantReadError):
                if client.file.peek(1):
                    return True
        finally:
            client.sock.settimeout(SECONDS)
        return bool(get_socket_poller(client.sock, seconds))

    def uids_after(self, last_uid: int) -> list[int]:
        """The mails that follow this UID, oldest first. Raises ImapFailed."""
        with _translated():
            data = self._answer("SEARCH", f"UID {last_uid + 1}:*")
            found = [int(word) for line in data if isinstance(line, bytes) for word in line.split()]
        # "n:*" always names the last mail, however old it is.
        return sorted(uid for uid in found if uid > last_uid)

    def fetch(self, uid: int) -> FetchedMail | None:
        """The mail, or None when it has been deleted meanwhile. Raises ImapFailed."""
        with _translated():
            size = self._size(uid)
            if size is None:
                return None
            is_truncated = size > LARGEST_FETCHED
            section = "HEADER" if is_truncated else ""
            for item in self._answer("FETCH", str(uid), f"(BODY.PEEK[{section}])"):
                if isinstance(item, tuple):
                    return FetchedMail(raw=bytes(item[1]), is_truncated=is_truncated)
        return None

    def close(self) -> None:
        """Sign out when connected; never raises."""
        box, self._box = self._box, None
        if box is not None:
            with suppress(*_ERRORS):
                box.client.shutdown()

    def _sign_in(self, box: BaseMailBox) -> None:
        login = self._login
        try:
            if not login.access_token:
                box.login(login.username, login.password, initial_folder=None)
                return
            answers = iter([sign_in.xoauth2(login.username, login.access_token)])
            # A refusal comes as a challenge, to be answered by nothing before the server says no.
            box.client.authenticate("XOAUTH2", lambda _challenge: next(answers, b""))
        except (imaplib.IMAP4.abort, OSError):
            raise
        except (imaplib.IMAP4.error, ImapToolsError) as error:
            raise ImapNotSignedIn(_words(error)) from error

    def _connect(self) -> BaseMailBox:
        login = self._login
        if login.security == "tls":
            return MailBox(
                login.host, login.port, timeout=SECONDS, ssl_context=ssl.create_default_context()
            )
        if login.security == "starttls":
            return MailBoxStartTls(
                login.host, login.port, timeout=SECONDS, ssl_context=ssl.create_default_context()
            )
        if (login.password or login.access_token) and not _is_private(login.host):
            raise ImapFailed(
                "Will not send the password over an unencrypted connection to the internet."
            )
        return MailBoxUnencrypted(login.host, login.port, timeout=SECONDS)

    def _opened(self) -> BaseMailBox:
        if self._box is None:
            raise ImapFailed("not connected")
        return self._box

    def _size(self, uid: int) -> int | None:
        for item in self._answer("FETCH", str(uid), "(RFC822.SIZE)"):
            line = item[0] if isinstance(item, tuple) else item
            if isinstance(line, bytes) and (match := _SIZE.search(line)):
                return int(match.group(1))
        return None

    def _answer(self, command: str, *arguments: str) -> list[Any]:
        status, data = self._opened().client.uid(command, *arguments)
        if status != "OK":
            raise ImapFailed(f"{command}: {status}")
        return list(data)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _ERRORS as error:
        raise ImapFailed(_words(error)) from error


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the server took too long"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {error.verify_message}"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return " ".join(_said(error).split())[:300]


def _said(error: Exception) -> str:
    """What the server answered, without the library's words around it."""
    if isinstance(error, UnexpectedCommandStatusError):
        said = error.command_result[1][0] if error.command_result[1] else b""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return text or type(error).__name__
    return str(error.args[0]) if error.args else type(error).__name__


def _is_private(host: str) -> bool:
    if host == "localhost" or "." not in host:
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False
