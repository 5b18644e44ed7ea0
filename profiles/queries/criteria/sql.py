"""Putting pieces of SQL together, with their parameters."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from profiles.extensions import Sql

NOTHING = Sql("")
TRUE = Sql("true")
FALSE = Sql("false")


def sql(text: str, *parts: Any) -> Sql:
    """The text with its `{}` filled: pieces of SQL are put in, anything else becomes a parameter.

    The text is our own, never a value, and holds no percent sign.
    """
    pieces = _pieces(text)
    if len(pieces) != len(parts) + 1:
        raise ValueError(f"Not {len(parts)} places in: {text}")
    words: list[str] = [pieces[0]]
    params: list[Any] = []
    for part, piece in zip(parts, pieces[1:], strict=True):
        if isinstance(part, Sql):
            words.append(part.text)
            params += part.params
        else:
            words.append("%s")
            params.append(part)
        words.append(piece)
    return Sql("".join(words), tuple(params))


@lru_cache(maxsize=1024)
def _pieces(text: str) -> tuple[str, ...]:
    if "%" in text:
        raise ValueError(f"A percent sign in: {text}")
    return tuple(text.split("{}"))


def joined(separator: str, pieces: Iterable[Sql]) -> Sql:
    """Pieces one after the other, with this text of ours between them."""
    found = list(pieces)
    params = tuple(param for piece in found for param in piece.params)
    return Sql(separator.join(piece.text for piece in found), params)


def earliest(pieces: Iterable[Sql | None]) -> Sql | None:
    """The first of several moments; None when there is none to compare."""
    found = [piece for piece in pieces if piece is not None]
    if len(found) < 2:  # noqa: PLR2004 - one needs no comparison
        return found[0] if found else None
    return sql("least({})", joined(", ", found))
