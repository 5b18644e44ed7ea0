"""HTML of mails: safe markup for showing, plain text for reading and searching."""

from __future__ import annotations

import html as entities
import re
from dataclasses import dataclass
from typing import Final

import inscriptis
import nh3
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from lxml.etree import LxmlError  # type: ignore[import-untyped] # no stubs in the lock
from lxml.html import document_fromstring  # type: ignore[import-untyped] # no stubs in the lock

from messaging.mime import limits, marks
from messaging.mime.charsets import storable

_TAG_NAMES: Final = """
    a abbr address b bdi bdo big blockquote br caption center cite code col colgroup dd del div dl dt em
    font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section small span strike strong
    sub sup table tbody td tfoot th thead tr tt u ul var wbr
"""
TAGS: Final = frozenset(_TAG_NAMES.split())
UNSEEN: Final = frozenset({"script", "style", "title"})
"""What stands in these is for programs, not for readers."""
ATTRIBUTES: Final = {
    "*": {"align", "dir", "lang", "style", "title", "valign"},
    "a": {"href"},
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
    "font": {"color", "face", "size"},
    "img": {"alt", "height", "src", "width"},
    "li": {"value"},
    "ol": {"start", "type"},
    "table": {"bgcolor", "border", "cellpadding", "cellspacing", "height", "width"},
    "td": {"bgcolor", "colspan", "height", "rowspan", "width"},
    "th": {"bgcolor", "colspan", "height", "rowspan", "width"},
    "tr": {"bgcolor"},
}
_STYLE_NAMES: Final = """
    background-color border border-bottom border-collapse border-color border-left border-radius
    border-right border-spacing border-style border-top border-width color direction display
    font-family font-size font-style font-weight height letter-spacing line-height
    margin margin-bottom margin-left margin-right margin-top max-width min-width
    padding padding-bottom padding-left padding-right padding-top text-align text-decoration
    text-indent text-transform vertical-align white-space width word-break word-wrap
"""
STYLES: Final = frozenset(_STYLE_NAMES.split())
SCHEMES: Final = frozenset({"http", "https", "mailto", "tel", "cid", "data"})
_PICTURE: Final = re.compile(
    r"data:image/(?:png|gif|jpeg|webp);base64,[A-Za-z0-9+/=\s]*\Z", re.IGNORECASE
)
_READING: Final = ParserConfig(
    css=CSS_PROFILES["strict"].copy(), display_images=False, display_links=False
)
_OPENING: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_FLAT_NAMES: Final = """
    area base br col embed hr img input link meta param source track wbr
    dd dt li option p tbody td tfoot th thead tr
"""
_NOT_NESTING: Final = frozenset(_FLAT_NAMES.split())
"""Void elements, and those which the next one of their kind closes."""
DEEPEST: Final = 60
_TAG: Final = re.compile(r"<[^<>]{0,2000}>")
_LINE_END: Final = re.compile(r"<(?:br|/p|/div|/tr|/h\d|/li)>")
MOST_CELLS: Final = 20_000
"""A larger table is read as running text: laying it out takes more than linear time."""
_BLANK_LINES: Final = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class CleanHtml:
    """Markup without scripts, forms, frames and remote images, and how many images were left out."""

    markup: str
    blocked_images: int


def clean(markup: str) -> CleanHtml:
    """Safe markup. Pictures that came with the mail stay (`cid:`, small `data:`), remote ones go."""
    blocked = 0

    def decide(tag: str, attribute: str, value: str) -> str | None:
        nonlocal blocked
        if tag == "img" and attribute == "src":
            if value[:4].lower() == "cid:" or _PICTURE.match(value):
                return value
            blocked += 1
            return None
        if value[:5].lower().strip() in {"data:", "cid:"} or value.lower().startswith("cid:"):
            return None
        return value

    safe = nh3.clean(
        _shallow(markup[: limits.HTML]),
        tags=set(TAGS),
        clean_content_tags=set(UNSEEN),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        attribute_filter=decide,
        filter_style_properties=set(STYLES),
        url_schemes=set(SCHEMES),
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )
    return CleanHtml(markup=storable(safe), blocked_images=blocked)


def _shallow(markup: str) -> str:
    """The markup with elements nested deeper than any program writes replaced by void ones.

    The sanitiser needs quadratic time for depth.
    """
    depth = 0

    def bound(match: re.Match[str]) -> str:
        nonlocal depth
        closing, name = match.groups()
        if name.lower() in _NOT_NESTING:
            return match.group()
        if closing:
            depth = max(depth - 1, 0)
            return match.group()
        if depth == DEEPEST:
            return "<wbr"
        depth += 1
        return match.group()

    return _OPENING.sub(bound, markup)


def to_text(markup: str) -> str:
    """The words of the markup with its paragraphs, lists and tables in plain text, and with marks in it."""
    if not markup.strip():
        return ""
    # The sanitiser first: it closes what is open and bounds what the reader has to walk through.
    tidy = nh3.clean(
        _shallow(marks.without(markup[: limits.READ_HTML])),
        tags=set(TAGS),
        clean_content_tags=set(UNSEEN),
        attributes=marks.ATTRIBUTES,
        strip_comments=True,
        link_rel=None,
    )
    lines = "\n".join(line.rstrip() for line in _read(tidy).replace("\xa0", " ").splitlines())
    return storable(marks.as_quotes(_BLANK_LINES.sub("\n\n", lines).strip()))


def _read(tidy: str) -> str:
    if tidy.count("<td") + tidy.count("<th") <= MOST_CELLS:
        try:
            tree = document_fromstring(f"<body>{tidy}</body>")
            marks.put_into(tree)
            return str(inscriptis.Inscriptis(tree, _READING).get_text())
        except (LxmlError, ValueError, RecursionError, AssertionError, LookupError, AttributeError):
            pass
    return entities.unescape(_TAG.sub(" ", _LINE_END.sub("\n", tidy)))
