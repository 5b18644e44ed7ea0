"""The words of a mail: which parts are the text, which are files."""

from __future__ import annotations

import html as entities
import re
from dataclasses import dataclass, field
from typing import Final

from messaging.mime import files, limits, tnef, uuencoded
from messaging.mime.charsets import decode
from messaging.mime.files import ParsedFile
from messaging.mime.html import to_text
from messaging.mime.structure import Part

_RICH: Final = frozenset({"text/enriched", "text/richtext"})
_WORDS: Final = _RICH | {"text/plain", "text/html", "text/markdown", "text/x-markdown"}
_LEFT_OUT: Final = frozenset({"text/x-amp-html"})
"""Other forms of what the mail says anyway."""
_COMMAND: Final = re.compile(r"<param>[^<]{0,2000}</param>|</?[A-Za-z0-9-]{1,60}>", re.IGNORECASE)
_LINE_ENDS: Final = re.compile(r"\n+")
_PAGE_HEAD: Final = 4096
_META_CHARSET: Final = re.compile(
    rb"<meta\s[^>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE
)


@dataclass(slots=True)
class Body:
    """What a part says, as text and, when it was written so, as HTML."""

    text: str = ""
    html: str = ""

    @property
    def is_empty(self) -> bool:
        return not self.text.strip() and not self.html.strip()

    def as_text(self) -> str:
        return self.text if self.text.strip() else to_text(self.html)

    def as_html(self) -> str:
        return self.html or f"<pre>{entities.escape(self.text)}</pre>"


@dataclass(slots=True)
class Contents:
    """The whole mail: its words and its files."""

    body: Body = field(default_factory=Body)
    files: list[ParsedFile] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)

    def note(self, defect: str) -> None:
        if defect not in self.defects:
            self.defects.append(defect)

    def add(self, *, name: str, data: bytes, content_type: str = "", content_id: str = "") -> None:
        """A file that was packed into something else."""
        number = len(self.files) + 1
        if number > limits.PARTS:
            self.note("too_many_files")
            return
        self.files.append(
            files.unpacked(
                name, data, number=number, content_type=content_type, content_id=content_id
            )
        )


def read(root: Part) -> Contents:
    """The words and files of a mail."""
    contents = Contents()
    contents.body = _read(root, contents, in_related=False, is_root=True)
    return contents


def _read(part: Part, contents: Contents, *, in_related: bool, is_root: bool = False) -> Body:
    if part.is_container and part.content_type.startswith("multipart/"):
        bodies = [
            _read(child, contents, in_related=part.content_type == "multipart/related")
            for child in part.children
        ]
        return _chosen(bodies) if part.content_type == "multipart/alternative" else _joined(bodies)
    if part.content_type in _LEFT_OUT:
        return Body()
    if not _is_text(part, is_root=is_root):
        return _filed(part, contents, in_related=in_related)
    limit = limits.HTML if part.content_type == "text/html" else limits.TEXT
    charset = part.parameters.get("charset", "") or _charset_of_page(part)
    text = decode(_beginning(part.data, 4 * limit), charset)
    if part.content_type in _RICH:
        text = _without_commands(text)
    if len(text) > limit:
        contents.note("text_cut")
        text = text[:limit]
    if part.content_type == "text/html":
        return Body(html=text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if part.parameters.get("format", "").lower() == "flowed":
        text = _unflowed(text, joins=part.parameters.get("delsp", "").lower() == "yes")
    text, written_in = uuencoded.cut_out(text)
    for name, data in written_in:
        contents.add(name=name, data=data)
    return Body(text=text)


def _beginning(data: bytes, length: int) -> bytes:
    """So many bytes, or a few less where a character of UTF-8 would be cut in two."""
    if len(data) <= length:
        return data
    end = length
    while end > length - 3 and data[end] & 0xC0 == 0x80:  # noqa: PLR2004 - not the first byte of a character
        end -= 1
    return data[:end]


def _filed(part: Part, contents: Contents, *, in_related: bool) -> Body:
    """A part that is a file. Outlook's winmail.dat gives the files in it, and perhaps words, instead."""
    packed = tnef.read(part.data) if part.content_type in tnef.TYPES else None
    if packed is None or not (packed.files or packed.text.strip()):
        contents.files.append(files.of(part, number=len(contents.files) + 1, in_related=in_related))
        return Body()
    if not packed.is_whole:
        contents.note("tnef_broken")
    for file in packed.files:
        contents.add(
            name=file.name,
            data=file.data,
            content_type=file.content_type,
            content_id=file.content_id,
        )
    return Body(text=packed.text.replace("\r\n", "\n"))


def _is_text(part: Part, *, is_root: bool) -> bool:
    """Whether a part is words of the mail. One that is the whole mail is, under whatever name."""
    if part.is_container or part.content_type not in _WORDS:
        return False
    return part.disposition.main != "attachment" and (is_root or not part.file_name)


def _charset_of_page(part: Part) -> str:
    """What a page without a declared character set says of itself."""
    if part.content_type != "text/html":
        return ""
    found = _META_CHARSET.search(part.data[:_PAGE_HEAD])
    return found.group(1).decode("ascii") if found else ""


def _without_commands(text: str) -> str:
    """The words of enriched text (RFC 1896): no commands, one line end is a space, two are one."""
    plain = _COMMAND.sub("", text.replace("\r\n", "\n").replace("<<", "\0"))
    return _LINE_ENDS.sub(lambda found: found.group()[1:] or " ", plain).replace("\0", "<")


def _chosen(bodies: list[Body]) -> Body:
    """Of alternatives, the text of the first that has one and the HTML of the last that has it."""
    text = next((body.text for body in bodies if body.text.strip()), "")
    html = next((body.html for body in reversed(bodies) if body.html.strip()), "")
    return Body(text=text, html=html)


def _joined(bodies: list[Body]) -> Body:
    full = [body for body in bodies if not body.is_empty]
    if len(full) < 2:  # noqa: PLR2004 - nothing to join
        return full[0] if full else Body()
    text = "\n\n".join(body.as_text().strip("\n") for body in full)
    html = "<hr>".join(body.as_html() for body in full) if any(body.html for body in full) else ""
    return Body(text=text, html=html)


def _unflowed(text: str, *, joins: bool) -> str:
    """Paragraphs of format=flowed (RFC 3676) put back into one line each; quoted lines stay as they are."""
    lines: list[str] = []
    is_open = False
    for line in text.split("\n"):
        content = line.removeprefix(" ")
        flows = content.endswith(" ") and content != "-- " and not content.startswith(">")
        kept = content[:-1] if flows and joins else content
        if is_open and content != "-- " and not content.startswith(">"):
            lines[-1] += kept
        else:
            lines.append(kept)
        is_open = flows
    return "\n".join(lines)
