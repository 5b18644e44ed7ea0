"""From what a person wrote in MJML, HTML or Markdown to three programs: subject, HTML and text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import css_inline
import mjml
from django.utils.translation import gettext as _
from liquid.exceptions import LiquidError
from markdown_it import MarkdownIt

from messaging.extensions import BlockSource, TemplateWording
from messaging.templating import layout, mjml_check, plain
from messaging.templating.faults import Fault, TemplateFaulty, words_of
from messaging.templating.language import Program, line_of, parsed
from messaging.templating.marks import Marks, Restored
from messaging.types import Rendered

LONGEST_SUBJECT: Final = 300
FORMATS: Final = ("markdown", "mjml", "html")

_INLINER: Final = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable("table")

Blocks = Mapping[str, BlockSource]


@dataclass(frozen=True, slots=True)
class _Part:
    """One program and where each place of it came from."""

    program: Program
    restored: Restored

    def run(self, data: Mapping[str, Any]) -> str:
        try:
            return self.program.run(data)
        except LiquidError as error:
            index = error.token.start_index if error.token is not None else -1
            line = self.restored.line_at(index) if index >= 0 else 0
            raise TemplateFaulty(Fault(text=words_of(error), line=line)) from error


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template in one language, ready to be run for many recipients from any thread."""

    language: str
    shop: Mapping[str, str]
    subject: Program
    html: _Part
    text: _Part

    def render(self, data: Mapping[str, Any]) -> Rendered:
        """The mail for one recipient, dates and amounts as its language has them. Raises TemplateFaulty."""
        data = {**data, "language": self.language, "shop": self.shop}
        try:
            subject = self.subject.run(data)
        except LiquidError as error:
            fault = Fault(text=words_of(error), field="subject", line=line_of(error))
            raise TemplateFaulty(fault) from error
        return Rendered(
            subject=" ".join(subject.split())[:LONGEST_SUBJECT],
            html=self.html.run(data),
            text=plain.closed_up(self.text.run(data)),
            language=self.language,
        )


def compiled(
    wording: TemplateWording,
    *,
    shop: Mapping[str, str],
    blocks: Blocks,
    rewrite: Callable[[str], str] | None = None,
) -> Compiled:
    """The programs of a template for one shop, whose values are set into it once and for all.

    `rewrite` may change the finished markup. Raises TemplateFaulty.
    """
    found = faults(wording, blocks=blocks)
    if found:
        raise TemplateFaulty(*found)
    marks = Marks(wording.source)
    markup = _INLINER.inline(_markup(wording, marks, shop))
    plain_text = plain.text_of(marks.as_text(markup))
    texts, markups = _constants(shop, is_markup=False), _constants(shop, is_markup=True)
    text = marks.show(plain_text, block=lambda key: blocks[key].text, constants=texts)
    shown = marks.show(markup, block=lambda key: blocks[key].html, constants=markups)
    if rewrite is not None:
        shown.text = rewrite(shown.text)
    return Compiled(
        language=wording.language,
        shop=shop,
        subject=parsed(wording.subject, field="subject", is_markup=False),
        html=_Part(parsed(shown.text, field="source", is_markup=True), shown),
        text=_Part(parsed(text.text, field="source", is_markup=False), text),
    )


def faults(wording: TemplateWording, *, blocks: Blocks) -> list[Fault]:
    """What keeps a template from being used, with the lines on which it was written."""
    found: list[Fault] = []
    for field, text in (
        ("subject", wording.subject),
        ("preheader", wording.preheader),
        ("source", wording.source),
    ):
        try:
            parsed(text, field=field, is_markup=field != "subject")
        except TemplateFaulty as faulty:
            found += faulty.faults
    if not wording.subject.strip():
        found.append(Fault(text=_("A mail needs a subject."), field="subject"))
    if wording.format == "mjml":
        found += mjml_check.faults(wording.source)
    marks = Marks(wording.source)
    marks.hide(wording.source)
    found += [
        Fault(text=_("There is no content block “{name}”.").format(name=name), line=line)
        for name, line in marks.blocks()
        if name not in blocks
    ]
    return found


def unknown_names(wording: TemplateWording, known: frozenset[str]) -> list[Fault]:
    """Names that nobody will fill, perhaps misspelt: they leave a gap in the mail."""
    return [
        Fault(text=_("Nothing is called “{name}” here.").format(name=name), field=field, line=line)
        for field, text in (("subject", wording.subject), ("source", wording.source))
        for name, line in _unknown(text, field, known | {"blocks", "forloop"})
    ]


def _unknown(text: str, field: str, known: frozenset[str]) -> list[tuple[str, int]]:
    program = parsed(text, field=field, is_markup=False)
    return [(name, text.count("\n", 0, at) + 1) for name, at in program.unknown(known)]


def _constants(shop: Mapping[str, str], *, is_markup: bool) -> dict[str, str]:
    """What stands for `{{ shop.name }}`; left to each run where it would read as Liquid itself."""
    return {
        f"shop.{name}": escape(value) if is_markup else value
        for name, value in shop.items()
        if "{{" not in value and "{%" not in value
    }


def _markup(wording: TemplateWording, marks: Marks, shop: Mapping[str, str]) -> str:
    """The whole mail as HTML, its Liquid hidden."""
    if wording.format == "mjml":
        return _from_mjml(wording, marks, shop)
    source = marks.hide(wording.source)
    if wording.format == "markdown":
        body = _MARKDOWN.render(marks.as_lines(source)).replace(
            ' title="button"', ' class="button"'
        )
    else:
        body = marks.as_comments(source)
        if source.lstrip()[:9].lower().startswith(("<!doctype", "<html")):
            return body
    # The converter is strict about what stands inside its elements: the words come in afterwards.
    place = "ecrm-words"
    sections = layout.WORDS.format(body=f"<!--{place}-->")
    return _converted(_around(wording, marks, sections, shop)).replace(f"<!--{place}-->", body, 1)


def _from_mjml(wording: TemplateWording, marks: Marks, shop: Mapping[str, str]) -> str:
    source = marks.as_comments(marks.hide(wording.source))
    if source.lstrip().startswith("<mjml"):
        return _converted(source)
    return _converted(_around(wording, marks, source, shop))


def _around(wording: TemplateWording, marks: Marks, sections: str, shop: Mapping[str, str]) -> str:
    place = "<!--ecrm-sections-->"
    sheet = layout.sheet(
        language=wording.language,
        subject="{{ shop.name }}",
        preheader=wording.preheader,
        body=place,
        has_logo=bool(shop.get("logo_url")),
    )
    return marks.as_comments(marks.hide(sheet, has_lines=False)).replace(place, sections, 1)


def _converted(source: str) -> str:
    try:
        markup: str = mjml.mjml2html(source, fonts={})
    except ValueError as error:
        text = _("This is not proper MJML: {detail}.").format(detail=str(error))
        raise TemplateFaulty(Fault(text=text)) from error
    return markup
