"""The audit log, written in the transaction of what it tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from company.models import AuditEntry, AuditHead
from company.types import Agent as Actor

_origin: ContextVar[Callable[[], str | None]] = ContextVar("audit_origin", default=lambda: None)


@contextmanager
def origin(find_ip: Callable[[], str | None]) -> Iterator[None]:
    """Entries recorded inside carry the client address that this finds; most requests record none."""
    token = _origin.set(find_ip)
    try:
        yield
    finally:
        _origin.reset(token)


def record_audit(
    *,
    action: str,
    target: str,
    by: Actor | None,
    shop_id: int | None = None,
    changes: Mapping[str, Any] | None = None,
    ip: str | None = None,
    at: datetime | None = None,
) -> AuditEntry:
    """Add an entry to the audit log; raises RuntimeError outside a transaction.

    `action` is `<module>.<noun>-<past participle>`, `target` is `<noun>:<id>`, `by=None` the system.
    Call it last: it makes every other privileged action wait until this transaction ends.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("record_audit() belongs inside the transaction of the action.")
    head = _lock_head()
    entry = AuditEntry(
        position=head.position + 1,
        at=(at or now()).astimezone(UTC),
        action=action,
        actor_id=by.pk if by else None,
        actor=by.email if by else "",
        shop_id=shop_id,
        target=target,
        changes=dict(changes or {}),
        ip=ip or _origin.get()(),
        previous_hash=head.hash,
    )
    entry.hash = entry.computed_hash()
    entry.save(force_insert=True)
    head.position, head.hash = entry.position, entry.hash
    head.save(update_fields=["position", "hash"])
    return entry


def _lock_head() -> AuditHead:
    AuditHead.objects.bulk_create([AuditHead()], ignore_conflicts=True)
    return AuditHead.objects.select_for_update().get()


def difference(before: Mapping[str, Any], *, after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The fields whose value changed, each as [before, after]."""
    return {
        key: [before.get(key), value] for key, value in after.items() if before.get(key) != value
    }
