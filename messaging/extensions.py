"""What upper modules contribute to messages: built-in templates, and blocks for everybody's templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateWording:
    """A template in one language as somebody wrote it: `format` is markdown, mjml or html."""

    language: str
    format: str
    subject: str
    preheader: str
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockSource:
    """A content block in one language: Liquid with finished inline styles, and Liquid for the text part."""

    html: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentBlock:
    """Something whole that templates place by `{{ blocks.<key> }}`, such as the lines of an order.

    `root` is the name of the data it needs. `source` is called with the mail's language active.
    """

    key: str
    label: str | _StrPromise
    root: str
    source: Callable[[], BlockSource]


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """A value authors can insert, such as `order.number`."""

    path: str
    label: str | _StrPromise


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Real data for a preview."""

    label: str
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltInTemplate:
    """A template that comes with the product and which each shop can make its own.

    `wordings` gives it by language. `sample` gives the data it would be sent with for a customer of the
    shop (None: any customer who suits), None when there is nothing to show.
    """

    key: str
    name: str | _StrPromise
    description: str | _StrPromise
    purpose: str
    variables: Sequence[Variable]
    wordings: Callable[[], Mapping[str, TemplateWording]]
    sample: Callable[[int, int | None, str], Sample | None]
    order: int = 100


Part = TypeVar("Part", ContentBlock, BuiltInTemplate)


@dataclass(slots=True)
class Registry(Generic[Part]):
    """The parts contributed so far, by key."""

    parts: dict[str, Part] = field(default_factory=dict)

    def register(self, part: Part) -> None:
        """Add a part. Two of one key are a mistake."""
        if part.key in self.parts:
            raise ValueError(f"There are two parts called {part.key}.")
        self.parts[part.key] = part

    def get(self, key: str) -> Part | None:
        """The part of this key."""
        return self.parts.get(key)

    def all(self) -> list[Part]:
        """Every part, by key."""
        return [self.parts[key] for key in sorted(self.parts)]


blocks: Registry[ContentBlock] = Registry()
templates: Registry[BuiltInTemplate] = Registry()
