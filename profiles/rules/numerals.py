"""Numbers as people and programs write them: `1 234.50`, `1.234,50 €`, `CHF 12.90`. Pure functions."""

from __future__ import annotations

import re

_CURRENCY = r"(?:[€$£¥]|[A-Z]{3}|Fr\.?)"
_AROUND = re.compile(rf"^{_CURRENCY}|{_CURRENCY}$")
_GROUPING = re.compile(r"(?<=\d)[\s'\u2019](?=\d)")


def plain(text: str) -> str:
    """The number with a point and nothing else, as far as it is one; other texts stay what they are.

    Of point and comma the last one stands before the decimals; one that comes twice divides thousands.
    A single comma is taken for the decimals' in any case.
    """
    bare = _GROUPING.sub("", _AROUND.sub("", text.strip()).strip())
    if "," not in bare and bare.count(".") < 2:  # noqa: PLR2004 - the usual case
        return bare
    last, other = (",", ".") if bare.rfind(",") > bare.rfind(".") else (".", ",")
    whole = bare.replace(other, "")
    return whole.replace(last, "") if whole.count(last) > 1 else whole.replace(last, ".")
