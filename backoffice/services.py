"""Writes of the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _

from backoffice import queries
from backoffice.events import AgentNotified
from backoffice.models import ChosenColumns, Notification, Presence, SavedView
from company.services import audit
from ecrm.kernel import outbox, spreadsheets
from ecrm.kernel.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from django.http import StreamingHttpResponse

    from backoffice.types import Column, Row
    from company.types import Agent
    from ecrm.kernel.spreadsheets import Cell

SAVED_VIEWS_PER_LIST = 20


class TooManySavedViews(DomainError):
    """The list has as many saved views as fit above it."""

    code = "too_many_saved_views"


class SavedViewNameMissing(DomainError):
    """A view without a name could not be found again."""

    code = "saved_view_name_missing"


@transaction.atomic
def notify(
    agent_id: int,
    *,
    kind: str,
    title_key: str,
    url: str,
    dedupe_key: str,
    values: Mapping[str, str | int] | None = None,
    at: datetime | None = None,
) -> bool:
    """Tell an agent once per dedupe key; returns False when he was told before.

    `title_key` is a gettext message id, marked with gettext_noop where it is written and translated
    when it is read; `values` fill its %(names)s. Publishes AgentNotified, which updates open pages.
    """
    notification, is_new = Notification.objects.get_or_create(
        agent_id=agent_id,
        dedupe_key=dedupe_key,
        defaults={
            "kind": kind,
            "title_key": title_key,
            "title_values": dict(values or {}),
            "url": url,
            "created_at": at or now(),
        },
    )
    if is_new:
        outbox.publish(AgentNotified(agent_id=agent_id, notification_id=notification.pk), at=at)
    return is_new


@transaction.atomic
def read_notifications(
    agent_id: int, *, ids: Iterable[int] | None = None, at: datetime | None = None
) -> int:
    """Mark these notifications of the agent as read, or all; returns how many were unread."""
    unread = Notification.objects.of(agent_id).unread()
    if ids is not None:
        unread = unread.filter(pk__in=list(ids))
    return unread.update(read_at=at or now())


@transaction.atomic
def delete_notifications(*, older_than: datetime, limit: int = 5000) -> int:
    """Delete old notifications, a batch at a time; returns how many."""
    old = Notification.objects.older_than(older_than).values_list("pk", flat=True)[:limit]
    return Notification.objects.filter(pk__in=list(old)).delete()[0]


@transaction.atomic
def save_view(*, name: str, list_path: str, query: str, by: Agent) -> SavedView:
    """Remember the filters of a list under a name; the same name again replaces them.

    Raises SavedViewNameMissing and TooManySavedViews.
    """
    name = name.strip()
    if not name:
        message = _("Give the view a name.")
        raise SavedViewNameMissing(message, fields={"name": message})
    others = SavedView.objects.filter(agent_id=by.id, list_path=list_path).exclude(name=name)
    if others.count() >= SAVED_VIEWS_PER_LIST:
        raise TooManySavedViews(_("This list has 20 saved views; delete one first."))
    view, _is_new = SavedView.objects.update_or_create(
        agent_id=by.id,
        list_path=list_path,
        name=name,
        defaults={"query": query},
        create_defaults={"query": query, "created_at": now()},
    )
    return view


@transaction.atomic
def delete_view(view_id: int, *, by: Agent) -> None:
    """Forget a saved view of this agent; nothing happens when it is gone already."""
    SavedView.objects.filter(pk=view_id, agent_id=by.id).delete()


@transaction.atomic
def choose_columns(list_path: str, *, keys: Sequence[str] | None, by: Agent) -> None:
    """Remember which columns of a list the agent wants to see; None goes back to the usual ones."""
    if keys is None:
        ChosenColumns.objects.filter(agent_id=by.id, list_path=list_path).delete()
    else:
        ChosenColumns.objects.update_or_create(
            agent_id=by.id, list_path=list_path, defaults={"keys": list(keys)}
        )


def export_list(
    list_path: str,
    *,
    name: str,
    always: Sequence[tuple[object, Callable[[Row], Cell]]],
    offered: Sequence[Column[Row]],
    rows: Iterable[Row],
    count: int,
    filters: Mapping[str, str],
    by: Agent,
) -> StreamingHttpResponse:
    """The rows of a list as a table `<name>-<day>.csv`; the audit log keeps that it was taken along.

    A row says what it `always` says and then what the agent chose of the columns `offered`. The rows are
    read while the table is sent.
    """
    shown = queries.columns_of(by.pk, list_path, offered)
    keys = [column.key for column in shown]
    record_export(list_path, rows=count, filters=filters, columns=keys, by=by)
    values = [*(value for _label, value in always), *(column.value for column in shown)]
    return spreadsheets.csv_response(
        f"{name}-{localtime():%Y-%m-%d}",
        head=[*(label for label, _value in always), *(column.label for column in shown)],
        rows=([value(row) for value in values] for row in rows),
    )


@transaction.atomic
def record_export(
    list_path: str,
    *,
    rows: int,
    filters: Mapping[str, str],
    columns: Sequence[str],
    by: Agent,
) -> None:
    """Write into the audit log that an agent took the rows of a list along.

    `filters` are choices such as a status, never the words of a search: those may name a person, and
    the audit log forgets nobody.
    """
    audit.record_audit(
        action="backoffice.list-exported",
        target=f"list:{list_path}",
        by=by,
        changes={"rows": rows, "filters": dict(filters), "columns": " ".join(columns)},
    )


@transaction.atomic
def set_away(agent_id: int, *, is_away: bool) -> None:
    """Remember whether the agent wants to be left alone."""
    Presence.objects.update_or_create(agent_id=agent_id, defaults={"is_away": is_away})


@transaction.atomic
def mark_seen(agent_id: int, *, at: datetime | None = None) -> None:
    """Remember that a browser of the agent is there."""
    Presence.objects.update_or_create(agent_id=agent_id, defaults={"seen_at": at or now()})


@transaction.atomic
def retry_deliveries(delivery_ids: Iterable[int], *, by: Agent) -> int:
    """Give parked deliveries a fresh set of attempts, with an audit entry; returns how many."""
    ids = _parked_ids(delivery_ids, by=by)
    count = outbox.retry(ids)
    _record("outbox.deliveries-retried", ids, by=by)
    return count


@transaction.atomic
def discard_deliveries(delivery_ids: Iterable[int], *, by: Agent) -> int:
    """Give parked deliveries up for good, with an audit entry; returns how many."""
    ids = _parked_ids(delivery_ids, by=by)
    count = outbox.discard(ids)
    _record("outbox.deliveries-discarded", ids, by=by)
    return count


def _parked_ids(delivery_ids: Iterable[int], *, by: Agent) -> list[int]:
    """Lock those which are still parked and his, so that the audit tells what really happened."""
    parked = queries.parked_deliveries(by).filter(pk__in=list(delivery_ids)).order_by("pk")
    return list(parked.select_for_update(of=("self",)).values_list("pk", flat=True))


def _record(action: str, ids: list[int], *, by: Agent) -> None:
    if ids:
        audit.record_audit(action=action, target="outbox", by=by, changes={"deliveries": ids})
