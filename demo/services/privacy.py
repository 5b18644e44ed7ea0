"""What customers of the demo asked about their data, one who was erased, and how long data is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from company.types import Agent
from profiles import queries
from profiles.services import erasing, handing_out, privacy_requests, retention

FEWEST = 60
OWNER = "alba@maison-alba.example"
# Who asked for what so many days ago, and what became of it: places among the known customers.
REQUESTS = (
    (11, "access", 27, "waits"),
    (17, "erasure", 5, "waits"),
    (23, "access", 38, "extended"),
    (29, "erasure", 60, "refused"),
    (35, "access", 20, "answered"),
)
AFTER_REQUESTS = 41
# Which data, after how many days, and whether somebody read the report and switched the rule on.
RULES = (
    ("contacts.ticket", 600, True),
    ("profiles.visitor", 761, True),
    ("messaging.outgoing", 548, False),
)


def write_privacy(
    profile_ids: Sequence[int], *, agents: Mapping[str, Agent], today: datetime
) -> None:
    """Requests in every state, an erasure with its proof, and rules; a tiny world has none of it."""
    if len(profile_ids) < FEWEST:
        return
    by = agents[OWNER]
    for place, kind, days, fate in REQUESTS:
        asked_at = today - timedelta(days=days)
        row = privacy_requests.note_request(
            profile_ids[place], kind=kind, received_at=asked_at, by=by
        )
        if fate == "extended":
            privacy_requests.extend(row.pk, by=by)
        elif fate == "refused":
            privacy_requests.refuse(row.pk, by=by, at=asked_at + timedelta(days=3))
        elif fate == "answered":
            handing_out.prepare(
                profile_ids[place], by=by, source="agent", at=asked_at + timedelta(days=2)
            )
    bought = queries.order_figures(profile_ids[AFTER_REQUESTS:])
    erasing.erase(min(bought), by=by, source="agent", at=today)
    _keep(by, today)


def _keep(by: Agent, today: datetime) -> None:
    for subject, days, is_active in RULES:
        rule = retention.set_rule(subject, shop_id=None, days=days, by=by, at=today)
        while retention.foresee_next(at=today):
            pass
        rule.refresh_from_db()
        if is_active:
            retention.switch(
                rule.pk, is_active=True, seen_count=rule.foreseen_count, by=by, at=today
            )
    retention.begin_runs(at=today)
    while retention.run_next(at=today):
        pass
