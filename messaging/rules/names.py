"""Names of people as mail programs write them."""

from __future__ import annotations


def split_name(text: str) -> tuple[str, str]:
    """First and last name: "Claire Dubois", "Dubois, Claire"; one word is a first name."""
    name = text.strip().strip("'\"").strip()
    if not name or "@" in name:
        return "", ""
    if name.count(",") == 1:
        last, first = (part.strip() for part in name.split(","))
        return first[:120], last[:120]
    first, _, last = name.partition(" ")
    return first[:120], last.strip()[:120]
