"""Segments and a list as the demo company uses them: its best customers, those it may lose, birthdays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from company.types import Agent
from profiles.services import segments, segments_lists

INVITED = 40


def _leaf(criterion: str, operator: str, **values: Any) -> dict[str, Any]:
    return {"criterion": criterion, "operator": operator, **values}


def _euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


SEGMENTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "Meilleures clientes",
        "Beaucoup, souvent, et il y a peu.",
        {
            "and": [
                _leaf("rfm.monetary", "at_least", value=4),
                _leaf("rfm.frequency", "at_least", value=4),
                _leaf("figures.last_order", "last_days", days=180),
            ]
        },
    ),
    (
        "À reconquérir",
        "Fidèles, mais silencieuses depuis trois mois.",
        {
            "and": [
                _leaf("figures.orders", "at_least", value=2),
                _leaf("figures.last_order", "before_days", days=90),
                {"not": {"or": [_leaf("contacts.open_request", "has")]}},
            ]
        },
    ),
    (
        "Panier abandonné cette semaine",
        "Mis au panier, sans commande dans les deux jours.",
        _leaf(
            "activity.funnel", "stopped", event="product-added", then="order-completed",
            within=2, days=7,
        ),
    ),
    (
        "Vu, mais pas acheté",
        "Un produit regardé ce mois-ci.",
        _leaf("orders.viewed_not_bought", "is", days=30),
    ),
    (
        "Anniversaires du mois",
        "Un petit mot leur fera plaisir.",
        _leaf("profile.birthday", "next_days", days=30),
    ),
    (
        "Newsletter : consentement donné",
        "À qui nous pouvons écrire.",
        _leaf("consent.stand", "granted", channel="email", purpose="marketing"),
    ),
    (
        "Paniers de plus de 120 €",
        "Panier moyen élevé, au moins deux commandes.",
        {
            "and": [
                _leaf("figures.average_basket", "at_least", value=_euros("120")),
                _leaf("figures.orders", "at_least", value=2),
            ]
        },
    ),
)  # fmt: skip
LIST = ("Invitées à la vente privée", "Choisies à la main par Margaux.")


def write_segments(
    invited: Iterable[int], *, agents: Mapping[str, Agent], author: str, today: datetime
) -> None:
    """Every segment, to be computed by the worker, and the list with these customers."""
    by = agents[author]
    for name, description, rules in SEGMENTS:
        segments.create_segment(name, rules=rules, description=description, by=by, at=today)
    name, description = LIST
    row = segments.create_segment(name, description=description, by=by, at=today)
    segments_lists.add_to_list(row.pk, profile_ids=list(invited)[:INVITED], by=by, at=today)
