"""Following the mailboxes: one thread per mailbox, so that a dead server makes only its own mail wait."""

from __future__ import annotations

import logging
import threading
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from ecrm.kernel import crypto
from messaging.models import FolderCursor, Mailbox, MailboxSignIn, RawMail
from messaging.services import sign_ins
from messaging.services.intake import accept_raw
from messaging.transports.imap import ImapFailed, ImapLogin, ImapNotSignedIn, ImapSession
from messaging.types import ImapPosition

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=90)
POLL_SECONDS: Final = 3.0
IDLE_SECONDS: Final = 20.0
"""A server that tells of new mail is asked this often all the same, and the lease extended."""
LOOK_AROUND_SECONDS: Final = 2.0
LONGEST_PAUSE_SECONDS: Final = 120.0
BATCH: Final = 100
"""Mails fetched before the lease is extended and the health written."""


def login_of(mailbox: Mailbox) -> ImapLogin:
    """Where and as whom to fetch.

    Raises ImapFailed when the stored password cannot be read or nobody is signed in. A mailbox that is
    opened by OAuth 2 may have its access token renewed here, which calls the provider.
    """
    if MailboxSignIn.objects.filter(mailbox=mailbox).exists():
        return _login(mailbox, password="", access_token=_access(mailbox.pk))
    try:
        password = crypto.decrypt(mailbox.secret_encrypted) if mailbox.secret_encrypted else ""
    except crypto.Undecipherable as error:
        raise ImapFailed(
            _("The stored password cannot be read any more. Please enter it again.")
        ) from error
    return _login(mailbox, password=password, access_token="")


def _login(mailbox: Mailbox, *, password: str, access_token: str) -> ImapLogin:
    return ImapLogin(
        host=mailbox.host,
        port=mailbox.port,
        security=mailbox.security,
        username=mailbox.username,
        password=password,
        folder=mailbox.folder,
        access_token=access_token,
    )


def _access(mailbox_id: int) -> str:
    try:
        return sign_ins.access_token(mailbox_id)
    except sign_ins.SignInFailed as error:
        raise ImapFailed(error.message) from error


def fetch_new(
    mailbox_id: int, *, session: ImapSession, folder: str, at: datetime | None = None
) -> int:
    """Take in what the folder holds beyond its cursor, one committed mail at a time. Returns how many.

    Raises ImapFailed; what was taken in until then stays, and the next call goes on behind it.
    """
    cursor = _cursor(mailbox_id, folder, session.uidvalidity)
    uids = session.uids_after(cursor.last_uid)[:BATCH]
    count = 0
    for uid in uids:
        mail = session.fetch(uid)
        if mail is None:
            continue
        accept_raw(
            mail.raw,
            mailbox_id=mailbox_id,
            source=RawMail.Source.IMAP,
            position=ImapPosition(folder=folder, uidvalidity=session.uidvalidity, uid=uid),
            is_truncated=mail.is_truncated,
            at=at,
        )
        count += 1
    return count


@transaction.atomic
def _cursor(mailbox_id: int, folder: str, uidvalidity: int) -> FolderCursor:
    """How far the folder was taken in. A folder that was made anew begins at its first mail."""
    cursor, _created = FolderCursor.objects.select_for_update(of=("self",)).get_or_create(
        mailbox_id=mailbox_id, folder=folder, defaults={"uidvalidity": uidvalidity}
    )
    if cursor.uidvalidity != uidvalidity:
        log.warning("folder_made_anew", extra={"mailbox_id": mailbox_id})
        cursor.uidvalidity, cursor.last_uid = uidvalidity, 0
        cursor.save(update_fields=["uidvalidity", "last_uid"])
    return cursor


def hold(mailbox_id: int, *, token: uuid.UUID, at: datetime) -> bool:
    """Whether the mailbox is ours to watch; extends the lease when it is already."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=at) | Q(lease_token=token)
    rows = Mailbox.objects.watched().filter(free, pk=mailbox_id)
    return rows.update(lease_until=at + LEASE, lease_token=token) > 0


def let_go(mailbox_id: int, *, token: uuid.UUID) -> None:
    """Let another process watch the mailbox at once."""
    Mailbox.objects.filter(pk=mailbox_id, lease_token=token).update(
        lease_until=None, lease_token=None
    )


def report_success(mailbox_id: int, *, at: datetime) -> None:
    """Write down that everything there was has been taken in."""
    Mailbox.objects.filter(pk=mailbox_id).update(
        last_checked_at=at, failures=0, failing_since=None, last_error=""
    )


@transaction.atomic
def report_failure(mailbox_id: int, *, error: str, at: datetime) -> float:
    """Write down that the mailbox could not be fetched. Returns the seconds to wait."""
    mailbox = Mailbox.objects.select_for_update(of=("self",)).get(pk=mailbox_id)
    mailbox.failures += 1
    mailbox.failing_since = mailbox.failing_since or at
    mailbox.last_error = error[:500]
    mailbox.save(update_fields=["failures", "failing_since", "last_error"])
    return float(min(2.0 ** min(mailbox.failures, 10), LONGEST_PAUSE_SECONDS))


@dataclass(frozen=True, slots=True)
class ConnectionTest:
    """What a test of a mailbox found: the number of mails in the folder, or what went wrong."""

    mails: int
    error: str

    @property
    def is_good(self) -> bool:
        return not self.error


def test_connection(login: ImapLogin) -> ConnectionTest:
    """Sign in and open the folder as fetching would, and change nothing."""
    session = ImapSession(login)
    try:
        session.open()
        return ConnectionTest(mails=len(session.uids_after(0)), error="")
    except ImapFailed as error:
        return ConnectionTest(mails=0, error=str(error))
    finally:
        session.close()


class Watch(threading.Thread):
    """Follows one mailbox until it is told to stop or the mailbox's settings change."""

    def __init__(self, mailbox_id: int) -> None:
        super().__init__(name=f"mailbox-{mailbox_id}", daemon=True)
        self.mailbox_id = mailbox_id
        self.stopping = threading.Event()
        self._token = uuid.uuid4()

    def run(self) -> None:
        """Fetch, wait, fetch; after a failure wait longer each time."""
        try:
            while not self.stopping.is_set():
                if not hold(self.mailbox_id, token=self._token, at=now()):
                    self.stopping.wait(POLL_SECONDS)
                    continue
                pause = self._follow()
                self.stopping.wait(pause)
            let_go(self.mailbox_id, token=self._token)
        finally:
            connection.close()

    def _follow(self) -> float:
        """One session, as long as it lasts. Returns the seconds to wait before the next."""
        mailbox = Mailbox.objects.get(pk=self.mailbox_id)
        session: ImapSession | None = None
        try:
            session = ImapSession(login_of(mailbox))
            session.open()
            while not self.stopping.is_set() and hold(self.mailbox_id, token=self._token, at=now()):
                if fetch_new(self.mailbox_id, session=session, folder=mailbox.folder) == BATCH:
                    continue
                report_success(self.mailbox_id, at=now())
                if not session.wait(IDLE_SECONDS, ends=self.stopping):
                    self.stopping.wait(POLL_SECONDS)
                session.refresh()
        except ImapFailed as error:
            if isinstance(error, ImapNotSignedIn):
                sign_ins.forget_access(self.mailbox_id)
            log.warning("mailbox_failed", extra={"mailbox_id": self.mailbox_id})
            return report_failure(self.mailbox_id, error=str(error), at=now())
        finally:
            if session is not None:
                session.close()
        return 0.0


class Watchtower:
    """Keeps one watch per mailbox that is to be fetched."""

    def __init__(self) -> None:
        self._watches: dict[tuple[object, ...], Watch] = {}

    def look(self) -> None:
        """Start watches of new mailboxes, stop those of changed and removed ones."""
        wanted = {
            key: key[0]
            for key in Mailbox.objects.watched().values_list(
                "pk",
                "host",
                "port",
                "security",
                "username",
                "secret_encrypted",
                "folder",
                "sign_in__signed_in_at",
            )
        }
        for key in [
            key for key, watch in self._watches.items() if key not in wanted or not watch.is_alive()
        ]:
            self._watches.pop(key).stopping.set()
        for key, mailbox_id in wanted.items():
            if key not in self._watches:
                watch = self._watches[key] = Watch(mailbox_id)
                watch.start()

    def close(self) -> None:
        """Stop all watches and wait for them a moment."""
        for watch in self._watches.values():
            watch.stopping.set()
        for watch in self._watches.values():
            watch.join(timeout=5)
        self._watches.clear()
