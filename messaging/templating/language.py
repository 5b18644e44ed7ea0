"""Liquid in a cage: no files, no attributes, no endless loops, no floods of text.

Values are looked up as items of what was given, never as attributes of Python objects.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from django.utils.translation import gettext as _
from liquid import Environment, Mode, escape
from liquid.ast import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression
from liquid.builtin.output import OutputNode
from liquid.context import RenderContext
from liquid.exceptions import LiquidError, LiquidInterrupt, OutputStreamLimitError
from liquid.stringify import to_liquid_string

from messaging.templating import filters
from messaging.templating.faults import Fault, TemplateFaulty, TooMuch, TooSlow, words_of

LONGEST_SOURCE: Final = 200_000
MOST_ROUNDS: Final = 5_000
LONGEST_OUTPUT: Final = 1_000_000
MOST_KEPT: Final = 256 * 1024
SECONDS: Final = 0.5

_REMOVED_TAGS: Final = (
    "tablerow",
    "include",
    "render",
    "increment",
    "decrement",
    "ifchanged",
    "doc",
    "liquid",
)


class Cage(Environment):
    """The language with its limits."""

    block_nesting_limit: ClassVar[int] = 20
    context_depth_limit: ClassVar[int] = 25
    loop_iteration_limit: ClassVar[int | None] = MOST_ROUNDS
    local_namespace_limit: ClassVar[int | None] = MOST_KEPT
    output_stream_limit: ClassVar[int | None] = LONGEST_OUTPUT

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """The standard ones without those that reach other templates or count across them."""
        super().setup_tags_and_filters(extra=extra)
        for name in _REMOVED_TAGS:
            self.tags.pop(name, None)
        filters.install(self)


MARKUP: Final = Cage(autoescape=True, tolerance=Mode.STRICT)
PLAIN: Final = Cage(autoescape=False, tolerance=Mode.STRICT)


class _Context(RenderContext):
    """What one run may reach; every round of a loop looks at the clock."""

    __slots__ = ("_deadline",)

    def loop(self, namespace: Mapping[str, object], forloop: Any) -> Any:
        """Enter a loop whose rounds are watched."""
        forloop.it = self._watched(forloop.it)
        return super().loop(namespace, forloop)

    def _watched(self, items: Iterator[Any]) -> Iterator[Any]:
        if not hasattr(self, "_deadline"):
            self._deadline = time.thread_time() + SECONDS
        for item in items:
            if time.thread_time() > self._deadline:
                raise TooSlow("time limit reached", token=None)
            yield item


class _Out:
    """Where nodes write: cheaper than a file, and as limited as one."""

    __slots__ = ("_left", "parts")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._left = LONGEST_OUTPUT

    def write(self, text: str) -> int:
        """Take a piece. Raises OutputStreamLimitError when it is too much."""
        size = len(text)
        self._left -= size
        if self._left < 0:
            raise OutputStreamLimitError("output limit reached", token=None)
        self.parts.append(text)
        return size


class Program:
    """A parsed text that can be run for many recipients, from any thread.

    Most of a mail is fixed text and values printed as they are: those steps go around the library.
    """

    __slots__ = ("_is_markup", "_steps", "_template", "source")

    def __init__(self, source: str, *, is_markup: bool) -> None:
        """Parse. Raises LiquidError."""
        self.source = source
        self._is_markup = is_markup
        self._template = (MARKUP if is_markup else PLAIN).from_string(source)
        has_names = _NAMING.search(source) is not None
        self._steps = [_step(node, is_quick=not has_names) for node in self._template.nodes]

    def run(self, data: Mapping[str, Any]) -> str:
        """The text for this recipient. Raises LiquidError, also for what a filter could not take."""
        context = _Context(self._template, globals=data)
        out = _Out()
        step: _Step = ""
        try:
            for step in self._steps:
                if isinstance(step, str):
                    out.write(step)
                elif isinstance(step, tuple):
                    value = _value(data, step)
                    text = (
                        value if type(value) is str else to_liquid_string(value, autoescape=False)
                    )
                    out.write(str(escape(text)) if self._is_markup else text)
                else:
                    step.render(context, out)  # type: ignore[arg-type] # all it does is write
        except LiquidError as error:
            if error.token is None and isinstance(step, Node):
                error.token = step.token
            raise
        except (LiquidInterrupt, ArithmeticError, ValueError, TypeError, LookupError) as error:
            token = step.token if isinstance(step, Node) else None
            raise LiquidError(str(error), token=token) from error
        return "".join(out.parts)

    def unknown_filters(self) -> list[tuple[str, int]]:
        """The filters this asks for that do not exist, with the place of the first use."""
        found = self._template.analyze(include_partials=False).filters
        offered = self._template.env.filters
        return [(name, spans[0].index) for name, spans in found.items() if name not in offered]

    def unknown(self, known: frozenset[str]) -> list[tuple[str, int]]:
        """The names this asks for that begin with no known root, with the place of the first use."""
        found = self._template.analyze(include_partials=False).globals
        return [
            (str(uses[0]), uses[0].span.index)
            for root, uses in found.items()
            if root not in known and uses
        ]


_Path = tuple[str, ...]
_Step = str | _Path | Node
_NAMING: Final = re.compile(r"\{%-?\s*(?:assign|capture)\b")


def _step(node: Node, *, is_quick: bool) -> _Step:
    """A node as fixed text, as the path of a value that is printed as it is, or as it came."""
    if isinstance(node, ContentNode):
        return node.text
    if is_quick and isinstance(node, OutputNode):
        expression = node.expression
        if isinstance(expression, FilteredExpression) and not expression.filters:
            path = getattr(expression.left, "path", None)
            if path and all(isinstance(name, str) and name not in _SPECIAL for name in path):
                return tuple(path)
    return node


_SPECIAL: Final = frozenset({"size", "first", "last", "now", "today"})


def _value(data: Any, path: _Path) -> Any:
    """What stands at a path of dictionaries; None where nothing does."""
    for name in path:
        if not isinstance(data, dict):
            return None
        data = data.get(name)
    return data


def parsed(source: str, *, field: str, is_markup: bool) -> Program:
    """What a person wrote, parsed. Raises TemplateFaulty with the line he wrote it on."""
    if len(source) > LONGEST_SOURCE:
        raise TemplateFaulty(Fault(text=words_of(TooMuch("source", token=None)), field=field))
    try:
        program = Program(source, is_markup=is_markup)
    except LiquidError as error:
        fault = Fault(text=words_of(error), field=field, line=line_of(error))
        raise TemplateFaulty(fault) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise TemplateFaulty(Fault(text=words_of(error), field=field)) from error
    for name, index in program.unknown_filters():
        text = _("There is no filter “{name}”.").format(name=name)
        line = source.count("\n", 0, index) + 1
        raise TemplateFaulty(Fault(text=text, field=field, line=line))
    return program


def line_of(error: LiquidError) -> int:
    """The line of the source where an error arose; 0 when nobody knows."""
    if error.token is None or error.token.start_index < 0:
        return 0
    return error.token.source.count("\n", 0, error.token.start_index) + 1
