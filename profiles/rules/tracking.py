"""What a tracking call says, in our words. Pure functions; nothing here trusts the sender."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any

from profiles.rules import event_names, identity, numerals

IDENTIFY, TRACK, PAGE, SCREEN, ALIAS, GROUP = (
    "identify",
    "track",
    "page",
    "screen",
    "alias",
    "group",
)
KINDS = frozenset({IDENTIFY, TRACK, PAGE, SCREEN, ALIAS, GROUP})
# They say who somebody is; the others say what he did.
OF_IDENTITY = frozenset({IDENTIFY, ALIAS})

LARGEST_ITEM = 32 * 1024
OLDEST = timedelta(days=5 * 366)
LONGEST_SKU = 120
MOST_VALUE = Decimal(10) ** 14
_LONGEST_NUMBER = 30
_TICKS_FROM = 10**11
_FIRST_YEAR, _LAST_YEAR = 1990, 2200

_SKU = ("sku", "productid", "itemid", "variantid", "productsku")
_OF_ORDERS = ("total", "revenue", "value", "amount")
_OF_OTHERS = ("value", "revenue", "total", "price", "amount")
_QUERY = ("query", "searchterm", "searchstring", "search", "term", "keyword", "keywords", "q")
_OF_PAGES = ("name", "category", "title", "url", "path", "referrer")


class Unusable(Exception):
    """The call can't be taken in; `reason` is one of ParkedCall.Reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One call, understood. `name` is empty for calls of identity."""

    kind: str
    anonymous_id: str | None
    user_id: str | None
    previous_id: str | None
    occurred_at: datetime
    name: str = ""
    sku: str | None = None
    value: Decimal | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)
    locale: str = ""
    timezone: str = ""


def calls_in(document: Any) -> list[Any] | None:
    """The calls of a batch, each with the context that was told once for all; None when it is none."""
    items = document.get("batch") if isinstance(document, dict) else document
    if not isinstance(items, list):
        return None
    common = _mapping(document.get("context")) if isinstance(document, dict) else {}
    return [_within(common, item) for item in items] if common else items


def _within(common: Mapping[str, Any], item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    return item | {"context": {**common, **_mapping(item.get("context"))}}


def read(item: Any, *, kind: str | None, sent_at: datetime | None, at: datetime) -> Message:
    """The call in our words. Raises Unusable.

    `kind` is what the address says, `sent_at` the sender's clock when the batch left, `at` ours when
    it came.
    """
    if not isinstance(item, dict):
        raise Unusable("shape")
    found = kind or _lower(item.get("type"))
    if found not in KINDS:
        raise Unusable("kind")
    anonymous_id, user_id = _id(item, "anonymousId"), _id(item, "userId")
    previous_id = _id(item, "previousId") if found == ALIAS else None
    traits = _traits(item)
    is_named = anonymous_id or user_id or previous_id or (found == IDENTIFY and traits.get("email"))
    if not is_named:
        raise Unusable("nobody")
    occurred_at = moment_of(item, sent_at=sent_at, at=at)
    context = _mapping(item.get("context"))
    said: dict[str, Any] = {}
    if found not in OF_IDENTITY:
        said = _deed(found, item, context)
    return Message(
        kind=found,
        anonymous_id=anonymous_id,
        user_id=user_id,
        previous_id=previous_id,
        occurred_at=occurred_at,
        traits=traits,
        locale=_text(context.get("locale"), 20),
        timezone=_text(context.get("timezone"), 63),
        **said,
    )


def _deed(kind: str, item: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """What was done: name, article, worth and the rest."""
    told = _mapping(item.get("properties"))
    name = _name(kind, item)
    properties = dict(told)
    if kind == GROUP:
        properties = {"group_id": _id(item, "groupId") or "", "traits": dict(_traits(item))}
    if kind in {PAGE, SCREEN}:
        _describe_page(properties, item, context)
    if campaign := _mapping(context.get("campaign")):
        properties.setdefault("campaign", campaign)
    for key in ("url", "referrer"):
        if isinstance(properties.get(key), str):
            properties[key] = _without_query(properties[key])
    flat = {folded(key): value for key, value in told.items()}
    if name == event_names.PRODUCT_SEARCHED:
        properties["query"] = next((_text(flat[k], 200) for k in _QUERY if flat.get(k)), "")
    return {
        "name": name,
        "sku": _sku(name, flat),
        "value": _value(name, flat),
        "properties": properties,
    }


def _name(kind: str, item: Mapping[str, Any]) -> str:
    """The canonical name. Raises Unusable when the event has none that is text."""
    if kind == TRACK:
        raw = item.get("event")
        name = event_names.canonical(raw) if isinstance(raw, str) else None
        if name is None:
            raise Unusable("name")
        return name
    return {
        PAGE: event_names.PAGE_VIEWED,
        SCREEN: event_names.SCREEN_VIEWED,
        GROUP: event_names.GROUP_JOINED,
    }[kind]


def _describe_page(
    properties: dict[str, Any], item: Mapping[str, Any], context: Mapping[str, Any]
) -> None:
    seen = _mapping(context.get("page"))
    for key in _OF_PAGES:
        value = item.get(key) if key in {"name", "category"} else None
        value = value or properties.get(key) or seen.get(key)
        if isinstance(value, str) and value:
            properties[key] = value
    # The words after the question mark may hold secrets and addresses.
    properties.pop("search", None)


def _without_query(url: str) -> str:
    return url.partition("?")[0].partition("#")[0]


# --- Who ------------------------------------------------------------------------------------------


def _id(item: Mapping[str, Any], name: str) -> str | None:
    """An id as text; None when it is absent or identifies nobody. Raises Unusable."""
    raw = item.get(name)
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise Unusable("id")
    return identity.normalise_opaque(str(raw))


def _traits(item: Mapping[str, Any]) -> Mapping[str, Any]:
    told = _mapping(item.get("traits"))
    return told or _mapping(_mapping(item.get("context")).get("traits"))


# --- When -----------------------------------------------------------------------------------------


def moment_of(item: Mapping[str, Any], *, sent_at: datetime | None, at: datetime) -> datetime:
    """When it happened by our clock: the sender's clock may be wrong by hours.

    What the sender's clock showed at sending and what ours showed at receipt give the difference,
    unless another collector received the call before us and has taken it out. Nothing happens after
    its receipt. Raises Unusable for what lies further back than OLDEST.
    """
    happened = moment(item.get("timestamp")) or moment(item.get("originalTimestamp"))
    sent = moment(item.get("sentAt")) or sent_at
    if happened is None:
        return at
    corrected = happened if sent is None or _is_corrected(item) else at - (sent - happened)
    if corrected < at - OLDEST:
        raise Unusable("time")
    return min(corrected, at)


def _is_corrected(item: Mapping[str, Any]) -> bool:
    """True when a collector passed the call on: it says when it got it, and both times of the deed."""
    told = ("receivedAt", "originalTimestamp", "timestamp")
    return all(moment(item.get(name)) is not None for name in told)


def moment(raw: Any) -> datetime | None:
    """An instant from ISO 8601 text or milliseconds since 1970; None when it is neither."""
    try:
        if isinstance(raw, str):
            found = datetime.fromisoformat(raw)
        elif isinstance(raw, int | float) and not isinstance(raw, bool):
            seconds = raw / 1000 if raw > _TICKS_FROM else raw
            found = datetime.fromtimestamp(seconds, tz=UTC)
        else:
            return None
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found if _FIRST_YEAR <= found.year <= _LAST_YEAR else None


# --- What it was about, and worth -----------------------------------------------------------------


def _sku(name: str, flat: Mapping[str, Any]) -> str | None:
    """The one article it was about; None when there are several or none."""
    if found := _first_sku(flat):
        return found
    if name.startswith("product-") and (found := _scalar(flat.get("id"))):
        return found[:LONGEST_SKU]
    if isinstance(flat.get("product"), dict):
        return _inner_sku(flat["product"])
    articles = flat.get("products") or flat.get("items")
    if isinstance(articles, list) and len(articles) == 1 and isinstance(articles[0], dict):
        return _inner_sku(articles[0])
    return None


def _inner_sku(article: Mapping[str, Any]) -> str | None:
    inner = {folded(key): value for key, value in article.items()}
    found = _first_sku(inner) or _scalar(inner.get("id"))
    return found[:LONGEST_SKU] if found else None


def _first_sku(flat: Mapping[str, Any]) -> str | None:
    for key in _SKU:
        if key in flat and (found := _scalar(flat[key])):
            return found[:LONGEST_SKU]
    return None


def _value(name: str, flat: Mapping[str, Any]) -> Decimal | None:
    keys = _OF_ORDERS if name.startswith("order-") else _OF_OTHERS
    for key in keys:
        if key in flat and (amount := _amount(flat[key])) is not None:
            is_unit = key == "price" and name in {
                event_names.PRODUCT_ADDED,
                event_names.PRODUCT_REMOVED,
            }
            return _bounded(amount * (_amount(flat.get("quantity")) or 1)) if is_unit else amount
    return None


def _amount(raw: Any) -> Decimal | None:
    if raw is None or isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return None
    try:
        found = Decimal(numerals.plain(str(raw)[:_LONGEST_NUMBER]))
    except InvalidOperation:
        return None
    return _bounded(found)


def _bounded(amount: Decimal) -> Decimal | None:
    if not amount.is_finite() or abs(amount) >= MOST_VALUE:
        return None
    return amount.quantize(Decimal("0.0001"))


# --- Shapes ---------------------------------------------------------------------------------------


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _lower(value: Any) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""


def _text(value: Any, longest: int) -> str:
    return value.strip()[:longest] if isinstance(value, str) else ""


def _scalar(value: Any) -> str:
    is_plain = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value).strip() if is_plain else ""


def folded(key: str) -> str:
    """The name of a field without what programs differ in: hyphens, case and the like."""
    return key.replace("_", "").replace(" ", "").replace("-", "").casefold()


# --- Told before? ---------------------------------------------------------------------------------


def digest(item: Any, *, shop_id: int, sent_at: str, position: int) -> uuid.UUID:
    """What makes a call the same call when it comes again: the message id within the shop.

    Without one, the content stands for it, if it says when it happened or was sent; a call that says
    neither is always a new one.
    """
    message_id = item.get("messageId") if isinstance(item, dict) else None
    if isinstance(message_id, int) or (isinstance(message_id, str) and message_id.strip()):
        return _digest_of(f"{shop_id}:id:{message_id}")
    stamp = item.get("timestamp") if isinstance(item, dict) else None
    if not stamp and not sent_at:
        return uuid.uuid4()
    place = "" if stamp else f"{sent_at}:{position}"
    return _digest_of(f"{shop_id}:text:{place}:{json.dumps(item, sort_keys=True)}")


def _digest_of(text: str) -> uuid.UUID:
    return uuid.UUID(bytes=blake2b(text.encode(errors="replace"), digest_size=16).digest())


# --- Reading bodies of strangers ------------------------------------------------------------------

_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def document(body: bytes) -> Any:
    """The JSON document in a body, with everything made storable that is not.

    NaN and infinite numbers become null or text, U+0000 and lone surrogates become U+FFFD. Raises
    ValueError and RecursionError when it is no JSON at all.
    """
    found = json.loads(
        body.decode("utf-8-sig"),
        parse_float=_finite,
        parse_int=_integer,
        parse_constant=lambda _name: None,
    )
    return _storable(found) if _UNSTORABLE.search(body) else found


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _LONGEST_NUMBER else text


def _storable(value: Any) -> Any:
    if isinstance(value, dict):
        return {_storable(key): _storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_storable(inner) for inner in value]
    if isinstance(value, str):
        return "".join(
            "\N{REPLACEMENT CHARACTER}" if c == "\0" or "\ud800" <= c <= "\udfff" else c
            for c in value
        )
    return value


def check_size(item: Any) -> None:
    """Raises Unusable when the item is larger than LARGEST_ITEM as JSON in UTF-8."""
    text = json.dumps(item, ensure_ascii=False, separators=(",", ":"))
    if len(text) > LARGEST_ITEM or (
        len(text) * 4 > LARGEST_ITEM and len(text.encode(errors="replace")) > LARGEST_ITEM
    ):
        raise Unusable("size")
