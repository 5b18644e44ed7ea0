"""What each module does with a person's data: hand it out, erase it, keep it and why, forget it by age."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from profiles.extensions import Registry

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, kw_only=True, slots=True)
class Processing:
    """Why we have data of a kind at all: what the customer is told beside the data (art. 13 to 15 GDPR)."""

    key: str
    label: str | _StrPromise
    purpose: str | _StrPromise
    basis: str | _StrPromise
    period: str | _StrPromise
    recipients: str | _StrPromise
    order: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """Whom a request is about: the profile, everybody merged into it, and what names the person.

    `addresses` and `numbers` are his alone: none leads to somebody else. `patterns` are regular
    expressions for free text; `routes` are the pages about him.
    """

    profile_ids: tuple[int, ...]
    addresses: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    at: datetime

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of the SQL of declarations."""
        return {
            "profiles": list(self.profile_ids),
            "addresses": list(self.addresses),
            "numbers": list(self.numbers),
            "patterns": list(self.patterns),
            "routes": list(self.routes),
            "at": self.at,
        }


class Fate(StrEnum):
    """What becomes of rows when the person is erased."""

    ERASED = "erased"
    EMPTIED = "emptied"
    KEPT = "kept"


@dataclass(frozen=True, kw_only=True, slots=True)
class Personal:
    """The rows of one table that are about somebody: what access hands out, and what an erasure does.

    `where` finds them (the table is called `t`; `%(profiles)s` and the other values of Subject).
    `holdings` are the columns it answers for. Rows are ERASED, EMPTIED by `changes` (SQL of a SET) so
    that they say nothing about him any more, or KEPT, and then `why` names the reason. `carry_out` does
    what SQL can't; it returns how many rows it changed and must find the rows `where` finds.
    `columns` are handed out, each an SQL expression under its label; without any, `untold` says why.
    `emails` and `phones` are expressions that name the person beside his identifiers. `order` puts
    children before their parents.
    """

    key: str
    table: str
    label: str | _StrPromise
    processing: str
    order: int
    where: str = "t.profile_id = ANY(%(profiles)s)"
    holdings: tuple[str, ...] = ()
    fate: Fate = Fate.ERASED
    changes: str = ""
    why: str | _StrPromise = ""
    carry_out: Callable[[Subject], int] | None = None
    columns: Mapping[str, tuple[str, str | _StrPromise]] = field(default_factory=dict)
    untold: str | _StrPromise = ""
    emails: str = ""
    phones: str = ""
    files: Callable[[Subject], Iterator[tuple[str, bytes]]] | None = None
    number: str = "id"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ageing:
    """Rows that a rule of retention may forget by age.

    `age` is the moment that counts, `where` which rows are concerned at all, `shop` whose rule counts
    (empty: only the company's). Rows are deleted, emptied by `changes`, or handed to `carry_out` by id.
    `whole` forgets what needs no look at single rows and returns how many they were. `source` names
    the law or recommendation behind the `days` we suggest; `link` is the page of an example, for the
    id `example`.
    """

    key: str
    table: str
    label: str | _StrPromise
    help: str | _StrPromise
    source: str | _StrPromise
    days: int
    least: int = 1
    age: str
    where: str = "true"
    shop: str = ""
    changes: str = ""
    carry_out: Callable[[Sequence[int], datetime], Iterable[int]] | None = None
    whole: Callable[[datetime], int] | None = None
    batch: int = 500
    link: str = ""
    example: str = "t.id"
    order: int = 100


processings: Registry[Processing] = Registry()
personal: Registry[Personal] = Registry()
ageing: Registry[Ageing] = Registry()
