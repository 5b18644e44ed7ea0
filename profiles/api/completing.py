"""Changing one customer as a program of his shop asks: all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from ecrm.kernel.errors import InvalidDocument
from profiles import queries, services
from profiles.queries import tags as tag_queries
from profiles.rules import tags as tag_rules
from profiles.services import attributes, care, tags

SOURCE = "api"
DETAILS = ("first_name", "last_name", "locale")


@transaction.atomic
def complete(profile_id: int, *, shop_id: int, told: Mapping[str, Any]) -> None:
    """Write down what the document names. Raises InvalidDocument and what the services refuse."""
    if any(name in told for name in DETAILS):
        _correct(profile_id, told)
    if "attributes" in told:
        _set_attributes(profile_id, told["attributes"])
    if "tags" in told:
        kept = {tag_rules.key_of(name) for name in told["tags"]}
        carried = [tag.name for tag in tag_queries.tags_of(profile_id)]
        gone = [name for name in carried if tag_rules.key_of(name) not in kept]
        tags.change_tags(profile_id, add=told["tags"], remove=gone, by=None)
    if "stage" in told:
        care.fix_stage(profile_id, shop_id=shop_id, stage=told["stage"], by=None)


def _correct(profile_id: int, told: Mapping[str, Any]) -> None:
    before = queries.details_of(profile_id)
    wanted = {name: told.get(name, before[name]) for name in DETAILS}
    services.change_profile(profile_id, **wanted, by=None)


def _set_attributes(profile_id: int, values: Mapping[str, Any]) -> None:
    try:
        attributes.set_attributes(profile_id, values=values, source=SOURCE, by=None)
    except attributes.UnusableValues as refusal:
        faults = {f"/attributes/{key}": text for key, text in refusal.fields.items()}
        raise InvalidDocument(refusal.message, fields=faults) from refusal
