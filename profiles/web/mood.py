"""How a customer feels, and the figures other modules put into the head of his page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from company import queries as company
from profiles import extensions
from profiles.extensions import Signal, Stat
from profiles.rules import mood as rules

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from company.types import Agent

# What the mood is called, its colour and its sign.
_WORDS: dict[str, tuple[_StrPromise, str, str]] = {
    rules.UNHAPPY_WITH_ORDER: (_("Unhappy with the last order"), "bad", "mood-sad"),
    rules.UNHAPPY: (_("Unhappy"), "bad", "mood-sad"),
    rules.WAITING: (_("Waiting for us"), "warn", "clock"),
    rules.HAPPY: (_("Happy"), "good", "mood-happy"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Feeling:
    """The mood in words, and why."""

    label: str
    tone: str
    icon: str
    signals: Sequence[Signal]


def feeling_of(profile_id: int, agent: Agent) -> Feeling | None:
    """How the customer feels as far as this agent may know; None when nothing tells."""
    signals = [
        signal
        for source in extensions.signals.all()
        if (shop_ids := company.shop_ids(agent, source.permission))
        for signal in source.load(profile_id, shop_ids)
    ]
    mood = rules.mood_of((signal.mood.value, signal.about_last_order) for signal in signals)
    if mood == rules.UNKNOWN:
        return None
    label, tone, icon = _WORDS[mood]
    order = {"bad": 0, "warn": 1, "good": 2}
    told = sorted(signals, key=lambda signal: order[signal.mood.value])
    return Feeling(label=str(label), tone=tone, icon=icon, signals=told)


def stats_of(profile_id: int, agent: Agent) -> list[Stat]:
    """The contributed figures which this agent may see."""
    return [
        stat
        for source in sorted(extensions.stats.all(), key=lambda source: source.order)
        if (shop_ids := company.shop_ids(agent, source.permission))
        and (stat := source.load(profile_id, shop_ids)) is not None
    ]
