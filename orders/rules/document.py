"""The order document: what a shop may send, checked whole, with a pointer for every fault.

`read` turns decoded JSON into the canonical document: amounts in the currency's minor units, unknown
fields in `extra`, everything else as the shop wrote it. Pure functions without ORM or clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from ecrm.kernel.money import is_currency, minor_units

STATUSES = (
    "pending",
    "paid",
    "processing",
    "shipped",
    "delivered",
    "completed",
    "cancelled",
    "refunded",
)
MAX_EXTERNAL_ID = 255
MAX_EMAIL = 254
MAX_LINES = 1000
MAX_FAULTS = 100
MAX_VERSION = 2**63 - 1
YEARS = range(1990, 2101)
# Our own answer carries these beside the document: sent back to us, they say nothing.
READ_ONLY = frozenset({"id", "external_id", "profile_id", "received_at", "changed_at", "warnings"})

CENTS = 2  # decimal places
_WITH_CENTS = re.compile(r"(?:0|[1-9][0-9]{0,11})\.[0-9]{2}")
_AMOUNT = re.compile(r"^-?\d{1,12}(?:\.\d{1,6})?$", re.ASCII)
_QUANTITY = re.compile(r"^\d{1,7}(?:\.\d{1,3})?$", re.ASCII)
_COUNTRY = re.compile(r"^[A-Za-z]{2}$")
_EMAIL = re.compile(r"^[^\s@<>()\[\],;:\\\"]+@[^\s@<>()\[\],;:\\\"]+$")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at one place of the document."""

    pointer: str
    code: str
    text: str


@dataclass(slots=True)
class Reader:
    """Collects faults while the document is read; knows the currency's decimal places."""

    units: int
    faults: list[Fault] = field(default_factory=list)

    def fault(self, pointer: str, code: str, text: str) -> None:
        """Note a fault; beyond MAX_FAULTS they help nobody."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(pointer, code, text))


Check = Callable[[Reader, Any, str], Any]


def read(raw: Any, *, external_id: Any) -> tuple[dict[str, Any], list[Fault]]:
    """The canonical document and all its faults; the document counts only without faults.

    `external_id` is the id under which it came; one inside the document must be the same.
    """
    currency = raw.get("currency") if isinstance(raw, dict) else None
    known = currency if isinstance(currency, str) and is_currency(currency) else "EUR"
    reader = Reader(units=minor_units(known))
    _check_external_id(reader, raw, external_id)
    if isinstance(raw, dict):
        raw = {name: value for name, value in raw.items() if name not in READ_ONLY}
    document = _ORDER(reader, raw, "")
    return (document if isinstance(document, dict) else {}), reader.faults


def is_external_id(value: Any) -> bool:
    """True for an id we can keep and find again."""
    return isinstance(value, str) and 0 < len(value) <= MAX_EXTERNAL_ID and value.isprintable()


def _check_external_id(reader: Reader, raw: Any, external_id: Any) -> None:
    if not is_external_id(external_id):
        text = f"1 to {MAX_EXTERNAL_ID} printable characters."
        reader.fault("/external_id", "not_an_id", text)
    elif isinstance(raw, dict) and raw.get("external_id") not in (None, external_id):
        reader.fault("/external_id", "other_id", "The address names another order.")


def instant(text: str) -> datetime:
    """An instant of a checked document."""
    return datetime.fromisoformat(text)


# --- Checks: each gets the reader, a value that is not null, and its pointer ----------------------


def _text(limit: int, *, is_blank_fine: bool = True) -> Check:
    def check(reader: Reader, value: Any, pointer: str) -> Any:
        if not isinstance(value, str):
            reader.fault(pointer, "not_text", "This must be a text in quotes.")
        elif len(value) > limit:
            reader.fault(pointer, "too_long", f"At most {limit} characters.")
        elif not is_blank_fine and not value.strip():
            reader.fault(pointer, "blank", "This must not be empty.")
        return value

    return check


def _amount(*, is_signed: bool = False) -> Check:
    def check(reader: Reader, value: Any, pointer: str) -> Any:
        if not isinstance(value, str):
            reader.fault(pointer, "not_an_amount", 'An amount is a text such as "12.90".')
            return value
        if reader.units == CENTS and _WITH_CENTS.fullmatch(value):
            return value  # as nearly all come, and as we would write it
        if not _AMOUNT.match(value):
            reader.fault(
                pointer, "not_an_amount", "Digits with a decimal point, at most 12 before it."
            )
            return value
        amount = Decimal(value)
        exact = amount.quantize(Decimal(1).scaleb(-reader.units))
        if exact != amount:
            text = f"The currency has {reader.units} decimal places."
            reader.fault(pointer, "too_many_decimals", text)
        elif amount < 0 and not is_signed:
            reader.fault(pointer, "negative", "This amount must not be negative.")
        return str(abs(exact) if exact == 0 else exact)

    return check


def _instant(reader: Reader, value: Any, pointer: str) -> Any:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        text = "An ISO 8601 date and time with offset, such as 2026-03-01T14:05:00+01:00."
        reader.fault(pointer, "not_an_instant", text)
    elif moment.year not in YEARS:
        reader.fault(pointer, "out_of_range", f"Between {YEARS[0]} and {YEARS[-1]}.")
    return value


def _quantity(reader: Reader, value: Any, pointer: str) -> Any:
    is_number = isinstance(value, int | Decimal | str) and not isinstance(value, bool)
    if not is_number or not _QUANTITY.match(str(value)) or Decimal(str(value)) == 0:
        text = "A number above zero, at most three decimal places."
        reader.fault(pointer, "not_a_quantity", text)
        return value
    return value if isinstance(value, int) else str(value)


def _version(reader: Reader, value: Any, pointer: str) -> Any:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_VERSION:
        reader.fault(pointer, "not_a_version", "A whole number from 0 on.")
    return value


def _status(reader: Reader, value: Any, pointer: str) -> Any:
    if value not in STATUSES:
        reader.fault(pointer, "unknown_status", f"One of: {', '.join(STATUSES)}.")
    return value


def _currency(reader: Reader, value: Any, pointer: str) -> Any:
    if not isinstance(value, str) or not is_currency(value):
        reader.fault(pointer, "unknown_currency", "An ISO 4217 code such as EUR.")
    return value


def _country(reader: Reader, value: Any, pointer: str) -> Any:
    if value == "":
        return value
    is_code = isinstance(value, str) and _COUNTRY.match(value) is not None
    if not is_code:
        reader.fault(pointer, "unknown_country", "An ISO 3166 code of two letters such as FR.")
        return value
    return value.upper()


def _email(reader: Reader, value: Any, pointer: str) -> Any:
    is_address = isinstance(value, str) and len(value) <= MAX_EMAIL and _EMAIL.match(value.strip())
    if value != "" and not is_address:
        reader.fault(pointer, "not_an_address", "An e-mail address such as ana@example.com.")
    return value


def _boolean(reader: Reader, value: Any, pointer: str) -> Any:
    if not isinstance(value, bool):
        reader.fault(pointer, "not_a_boolean", "true or false.")
    return value


def _list(item: Check, *, limit: int = MAX_LINES) -> Check:
    def check(reader: Reader, value: Any, pointer: str) -> Any:
        if not isinstance(value, list):
            reader.fault(pointer, "not_a_list", "This must be a list.")
            return value
        if len(value) > limit:
            reader.fault(pointer, "too_many", f"At most {limit} items.")
            return value
        return [item(reader, row, f"{pointer}/{index}") for index, row in enumerate(value)]

    return check


def _object(fields: Mapping[str, Check], *, required: tuple[str, ...] = ()) -> Check:
    def check(reader: Reader, value: Any, pointer: str) -> Any:
        if not isinstance(value, dict):
            reader.fault(pointer, "not_an_object", "This must be an object.")
            return value
        known: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for name, item in value.items():
            if name in fields:
                known[name] = (
                    None if item is None else fields[name](reader, item, f"{pointer}/{name}")
                )
            elif name == "extra" and isinstance(item, dict):
                extra |= item
            else:
                extra[name] = item
        for name in required:
            if value.get(name) is None:
                reader.fault(f"{pointer}/{name}", "required", "This is missing.")
        if extra:
            known["extra"] = _plain(extra)
        return known

    return check


def _part_line(reader: Reader, value: Any, pointer: str) -> Any:
    """A line of a shipment or refund: a SKU, or an object with SKU and quantity."""
    return (_text(100) if isinstance(value, str) else _PART_LINE)(reader, value, pointer)


def _plain(value: Any) -> Any:
    """Unknown content as JSON can carry it: numbers with a fraction become binary ones."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


# --- The document of contracts.md -----------------------------------------------------------------

_PART_LINE = _object({"sku": _text(100), "quantity": _quantity})

_CUSTOMER = _object(
    {
        "external_id": _text(254),
        "email": _email,
        "phone": _text(40),
        "first_name": _text(120),
        "last_name": _text(120),
        "locale": _text(20),
        "accepts_marketing": _boolean,
    }
)

_LINE_FIELDS = _object(
    {
        "sku": _text(100),
        "name": _text(500),
        "quantity": _quantity,
        "unit_price": _amount(is_signed=True),
        "discount": _amount(is_signed=True),
        "tax": _amount(is_signed=True),
        "total": _amount(is_signed=True),
    },
    required=("quantity", "unit_price"),
)


def _line(reader: Reader, value: Any, pointer: str) -> Any:
    if isinstance(value, dict) and not value.get("name") and not value.get("sku"):
        reader.fault(f"{pointer}/name", "required", "A line has a name or a SKU.")
    return _LINE_FIELDS(reader, value, pointer)


_ADDRESS = _object(
    {
        "name": _text(200),
        "company": _text(200),
        "line1": _text(300),
        "line2": _text(300),
        "postcode": _text(20),
        "city": _text(120),
        "region": _text(120),
        "country": _country,
    }
)

_PAYMENT = _object(
    {"method": _text(80), "amount": _amount(is_signed=True), "status": _text(40), "at": _instant},
    required=("amount",),
)

_SHIPMENT = _object(
    {
        "carrier": _text(80),
        "tracking_number": _text(120),
        "tracking_url": _text(1000),
        "status": _text(40),
        "lines": _list(_part_line),
    }
)

_REFUND = _object(
    {
        "id": _text(120),
        "amount": _amount(),
        "at": _instant,
        "lines": _list(_part_line),
        "reason": _text(500),
    },
    required=("amount",),
)

_ORDER = _object(
    {
        "number": _text(64, is_blank_fine=False),
        "placed_at": _instant,
        "updated_at": _instant,
        "version": _version,
        "status": _status,
        "currency": _currency,
        "customer": _CUSTOMER,
        "lines": _list(_line),
        "shipping": _object({"method": _text(120), "amount": _amount(), "tax": _amount()}),
        "discounts": _list(
            _object({"code": _text(80), "amount": _amount()}, required=("amount",)), limit=100
        ),
        "totals": _object(
            {
                name: _amount()
                for name in ("items", "discount", "shipping", "tax", "grand", "refunded")
            },
            required=("grand",),
        ),
        "billing_address": _ADDRESS,
        "shipping_address": _ADDRESS,
        "payments": _list(_PAYMENT, limit=200),
        "shipments": _list(_SHIPMENT, limit=200),
        "refunds": _list(_REFUND, limit=200),
        "attribution": _object(
            {
                "source": _text(200),
                "medium": _text(200),
                "campaign": _text(200),
                "referrer": _text(2000),
                "landing": _text(2000),
            }
        ),
        "cart_token": _text(200),
    },
    required=("placed_at", "status", "currency", "lines", "totals"),
)
