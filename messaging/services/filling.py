"""Filling a shop's template for one recipient, and what happens when that goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from messaging import extensions
from messaging.queries import templates as queries
from messaging.services.templates import note_fault
from messaging.types import Rendered

log = logging.getLogger(__name__)


def filled(shop_id: int, *, key: str, language: str, data: Mapping[str, Any]) -> Rendered:
    """What the shop's template of this key says to one recipient.

    A shop's own version that cannot be filled does not cost the customer his mail: he gets the built-in
    one, and the fault stands in the list of templates. Raises TemplateFaulty when there is no built-in
    one, LookupError for no such template.
    """
    ref = queries.current(shop_id, key)
    try:
        return queries.rendered(ref, language=language, data=data)
    except queries.TemplateFaulty as faulty:
        note_fault(ref, fault=str(faulty))
        log.warning("template_faulty", extra={"template": key, "version": ref.version_id})
        if ref.version_id is None or extensions.templates.get(key) is None:
            raise
        return queries.rendered(replace(ref, version_id=None), language=language, data=data)
