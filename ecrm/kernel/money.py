"""Amounts with their currency."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from babel.core import get_global
from babel.numbers import format_currency

# ISO 4217 column "minor unit" where it is not 2. CLDR's digits are for display and differ.
_MINOR_UNITS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in one currency (ISO 4217)."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def as_json(self) -> dict[str, str]:
        """The API's form: {"amount": "12.90", "currency": "EUR"}."""
        quantum = Decimal(1).scaleb(-minor_units(self.currency))
        return {"amount": str(self.amount.quantize(quantum)), "currency": self.currency}

    def in_words_of(self, language: str) -> str:
        """As a reader of the language writes it: `1 234,50 €`."""
        return format_currency(self.amount, self.currency, locale=language.replace("-", "_"))


def minor_units(currency: str) -> int:
    """Decimal places of a currency on invoices (ISO 4217): 2 for EUR, 0 for JPY, 3 for TND."""
    return _MINOR_UNITS.get(currency, 2)


def is_currency(code: str) -> bool:
    """True for an ISO 4217 code that is or was in use."""
    return code in get_global("all_currencies")
