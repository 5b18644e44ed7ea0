"""The files of a mail, each under a name that is safe to show and to save."""

from __future__ import annotations

import mimetypes
import unicodedata
from dataclasses import dataclass
from typing import Final

from messaging.mime import limits
from messaging.mime.charsets import decode_words, storable
from messaging.mime.structure import Part

_FORBIDDEN: Final = frozenset('<>:"|?*\\/\0')
_EXTENSIONS: Final = {
    "message/rfc822": ".eml",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "message/feedback-report": ".txt",
    "text/rfc822-headers": ".txt",
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "image/jpeg": ".jpg",
    "application/ms-tnef": ".dat",
    "application/octet-stream": ".bin",
}
_LONGEST_EXTENSION: Final = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedFile:
    """A file that came with a mail. `name` is never empty and names no folder."""

    name: str
    content_type: str
    size: int
    is_inline: bool
    content_id: str
    data: bytes


def of(part: Part, *, number: int, in_related: bool) -> ParsedFile:
    """The file that a part carries."""
    content_id = storable(part.headers.first("content-id")).strip("<> \t")[:300]
    disposition = part.disposition.main
    is_shown = in_related or part.content_type.startswith("image/")
    is_inline = disposition == "inline" or (
        is_shown and bool(content_id) and disposition != "attachment"
    )
    return ParsedFile(
        name=safe_name(part.file_name) or _made_up(part, number),
        content_type=part.content_type[:120],
        size=len(part.data),
        is_inline=is_inline,
        content_id=content_id,
        data=part.data,
    )


def unpacked(
    name: str, data: bytes, *, number: int, content_type: str = "", content_id: str = ""
) -> ParsedFile:
    """A file that came inside another one; without a kind of its own it has the one its name tells."""
    safe = safe_name(name)
    kind = content_type or mimetypes.guess_type(safe)[0] or "application/octet-stream"
    extension = mimetypes.guess_extension(kind, strict=False) or ".bin"
    return ParsedFile(
        name=safe or f"attachment-{number}{extension}",
        content_type=storable(kind)[:120],
        size=len(data),
        is_inline=bool(content_id),
        content_id=storable(content_id).strip("<> \t")[:300],
        data=data,
    )


def safe_name(text: str) -> str:
    """The name without folders, controls, text-direction tricks and leading dots; "" when nothing is left."""
    name = storable(decode_words(text)).replace("\\", "/").rpartition("/")[2]
    kept = "".join(
        "_" if character in _FORBIDDEN else character
        for character in unicodedata.normalize("NFC", name)
        if unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    )
    kept = " ".join(kept.split()).strip(". ")
    if len(kept) <= limits.NAME:
        return kept
    stem, dot, extension = kept.rpartition(".")
    if not dot or len(extension) > _LONGEST_EXTENSION:
        return kept[: limits.NAME]
    return stem[: limits.NAME - len(extension) - 1] + dot + extension


def _made_up(part: Part, number: int) -> str:
    kind = part.content_type
    if kind == "message/rfc822" and part.children:
        subject = safe_name(part.children[0].headers.decoded("subject")[:80].replace("/", " "))
        if subject:
            return f"{subject}.eml"
    extension = _EXTENSIONS.get(kind) or mimetypes.guess_extension(kind, strict=False) or ".bin"
    stem = (
        "image"
        if kind.startswith("image/")
        else kind.partition("/")[2]
        if kind.startswith("message/")
        else "attachment"
    )
    return f"{safe_name(stem) or 'attachment'}-{number}{extension}"
