"""Filters of a list: what is chosen lives in the URL, and each menu offers the links that change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.safestring import SafeString

from ecrm.kernel.drawing import drawn

# Every list of the back office shows as many rows at a time.
ROWS_PER_PAGE = 80
# Choosing a filter begins at the first page and closes the side panel.
NOT_KEPT = ("page", "open")


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One parameter of a list. The choice `default` is what its absence means."""

    name: str
    label: str
    choices: Sequence[tuple[str, str]]
    default: str = ""
    narrows: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One choice of a menu and the address that makes it."""

    label: str
    url: str
    is_on: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Menu:
    """A parameter as a menu; `chosen` is the label of a choice other than the default.

    `current` is the label of the choice in force, the default too.
    """

    label: str
    chosen: str
    current: str
    narrows: bool
    options: tuple[Option, ...]

    @property
    def drawn(self) -> SafeString:
        """The menu as HTML; most pages show it with nothing chosen."""
        return drawn("components/filter_menu.html", menu=self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """All menus of a list. `hidden` are the parameters that a search keeps."""

    words: str
    values: dict[str, str]
    menus: Sequence[Menu]
    hidden: Sequence[tuple[str, str]]
    clear_url: str
    is_narrowed: bool


def read(query: QueryDict, parts: Sequence[Part], *, search: str = "q") -> Filters:
    """The filters of a request; a value that is no choice is as if it were absent."""
    values = {part.name: _value(query, part) for part in parts}
    words = query.get(search, "").strip()[:100].replace("\0", "")
    is_narrowed = any(part.narrows and values[part.name] != part.default for part in parts)
    return Filters(
        words=words,
        values=values,
        menus=[_menu(query, part, values[part.name]) for part in parts],
        hidden=[(p.name, values[p.name]) for p in parts if values[p.name] != p.default],
        clear_url=_url(query, {part.name: None for part in parts}) if is_narrowed else "",
        is_narrowed=is_narrowed or bool(words),
    )


def _value(query: QueryDict, part: Part) -> str:
    value = query.get(part.name, part.default)
    return value if value in {choice for choice, _ in part.choices} else part.default


def _menu(query: QueryDict, part: Part, value: str) -> Menu:
    current = dict(part.choices)[value]
    return Menu(
        label=part.label,
        chosen="" if value == part.default else current,
        current=current,
        narrows=part.narrows,
        options=tuple(
            Option(
                label=label,
                url=_url(query, {part.name: None if choice == part.default else choice}),
                is_on=choice == value,
            )
            for choice, label in part.choices
        ),
    )


def _url(query: QueryDict, changes: Mapping[str, str | None]) -> str:
    changed = {name: values for name, values in query.lists() if name not in NOT_KEPT}
    for name, value in changes.items():
        if value is None:
            changed.pop(name, None)
        else:
            changed[name] = [value]
    return f"?{urlencode(changed, doseq=True)}"
