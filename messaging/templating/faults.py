"""What is wrong with a template, and where."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from liquid.exceptions import (
    LiquidError,
    LiquidSyntaxError,
    LocalNamespaceLimitError,
    LoopIterationLimitError,
    OutputStreamLimitError,
    UnknownFilterError,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing that is wrong: in which field of the template, on which line (0: nowhere in particular)."""

    text: str
    field: str = "source"
    line: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.text
        return _("Line {line}: {text}").format(line=self.line, text=self.text)


class TemplateFaulty(Exception):
    """A template that cannot be used, or that failed for one recipient; `faults` say why."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(" ".join(str(fault) for fault in faults))
        self.faults = faults


class TooSlow(LiquidError):
    """A loop that took more than its share of time."""


class TooMuch(LiquidError):
    """A filter that would have made more than a mail can hold."""


def words_of(error: Exception) -> str:
    """An error of the template language in the reader's words."""
    detail = str(error.args[0]) if error.args else ""
    if isinstance(error, UnknownFilterError):
        name = detail.partition("'")[2].rstrip("'")
        return _("There is no filter “{name}”.").format(name=name)
    if isinstance(error, TooSlow):
        return _("The template takes too long.")
    if isinstance(error, LoopIterationLimitError):
        return _("The template repeats something too often.")
    if isinstance(error, (OutputStreamLimitError, LocalNamespaceLimitError, TooMuch)):
        return _("The template makes more text than a mail may hold.")
    if isinstance(error, LiquidSyntaxError):
        return _("This cannot be understood: {detail}.").format(detail=detail)
    return _("This went wrong: {detail}.").format(detail=detail)
