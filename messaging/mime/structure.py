"""The tree of a mail: taken apart by the library, walked with our limits."""

from __future__ import annotations

import binascii
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import Message
from email.parser import BytesFeedParser
from typing import Final

from messaging.mime import headers, limits, spilling, uuencoded
from messaging.mime.charsets import from_base64
from messaging.mime.headers import Headers, Value

_DECLARATION: Final = re.compile(
    rb"boundary(?:\*0?\*?)?\s{0,10}=|message/(?:rfc822|global|news)(?![\w-])", re.IGNORECASE
)
_LATE_COLON: Final = re.compile(rb"^([!-9;-~]{1,60})[ \t]{1,9}:", re.MULTILINE)
_FIRST_MARK: Final = re.compile(rb"\s{0,20}--([^\s\"]{1,70})[ \t]*\r?\n")
_UNCLEAN: Final = re.compile(rb"[^A-Za-z0-9+/\r\n \t]")
_ABOVE: Final = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:[ \t]*\r*\n)*(?:>From [^\r\n]*\r*\n)?")
"""What stands above the headers and is none: a mark of UTF-8, blank lines, the line of a mail folder."""
_TWICE_ENDED: Final = re.compile(rb"[^\r\n]+\r\r\n")
_BLANK: Final = re.compile(rb"\r?\n[ \t]{0,100}\r?\n")
_OVERLAP: Final = 200
"""Longer than a blank line, so that none is overlooked between two pieces."""
TROUBLE: Final = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RecursionError,
)
"""What the library raises on mails it does not understand."""


class Unreadable(Exception):
    """The mail cannot be read at all; `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Part:
    """One node of the tree. `children` of a leaf are empty and `data` of a container too."""

    headers: Headers
    content_type: str
    parameters: dict[str, str]
    disposition: Value
    children: list[Part] = field(default_factory=list)
    data: bytes = b""
    is_container: bool = False

    @property
    def file_name(self) -> str:
        """The name the mail gives, not yet made safe; "" when it gives none."""
        return self.disposition.parameters.get("filename", "") or self.parameters.get("name", "")

    def walk(self) -> Iterator[Part]:
        """This part and everything in it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def walk_own(self) -> Iterator[Part]:
        """The same without what is inside mails that this one carries."""
        yield self
        if self.content_type != "message/rfc822":
            for child in self.children:
                yield from child.walk_own()


@dataclass(slots=True)
class _Budget:
    """What may still be looked at."""

    spilled: spilling.Spilled
    parts: int = limits.PARTS
    decoded: int = limits.DECODED
    defects: list[str] = field(default_factory=list)

    def note(self, defect: str) -> None:
        if defect not in self.defects:
            self.defects.append(defect)


def parse(raw: bytes | Iterable[bytes]) -> tuple[Part, list[str]]:
    """The tree and the codes of what was odd about it, of a mail in one or in many pieces.

    Raises Unreadable.
    """
    pieces = spilling.cut(raw) if isinstance(raw, bytes) else iter(raw)
    start, pieces = _start(pieces)
    blank = _BLANK.search(start)
    head, body = (start[: blank.end()], start[blank.end() :]) if blank else (start, b"")
    if len(head) > limits.HEADER_BLOCK:
        raise Unreadable("headers_too_large")
    budget = _Budget(spilled=spilling.Spilled())
    rest = _Rest(
        itertools.chain([body], pieces), size=len(head), is_composed=_is_composed(head.lower())
    )
    try:
        # Some programs write blanks in front of the colons of their headers.
        message = budget.spilled.parsed(_LATE_COLON.sub(rb"\1:", head), rest)
    except TROUBLE as error:
        raise Unreadable("malformed") from error
    root = _part(message, budget, depth=0)
    if not root.headers.items:
        raise Unreadable("no_headers")
    if rest.was_flattened:
        budget.note("too_many_parts")
    root.headers.fallback = next(
        (part.parameters["charset"] for part in root.walk_own() if part.parameters.get("charset")),
        "",
    )
    return root, budget.defects


def _start(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """So much of the mail that its headers are in it, unless they are too long, and what follows."""
    start = _ABOVE.sub(b"", next(pieces, b""), count=1)
    if _TWICE_ENDED.match(start):
        pieces = _once_ended(itertools.chain([start], pieces))
        start = next(pieces, b"")
    seen = 0
    while not _BLANK.search(start, seen) and len(start) <= limits.HEADER_BLOCK:
        piece = next(pieces, None)
        if piece is None:
            break
        seen = max(0, len(start) - _OVERLAP)
        start += piece
    if not start.strip():
        raise Unreadable("empty")
    return start, pieces


def _once_ended(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces of a mail whose line ends were doubled on the way (CR CR LF)."""
    rest = b""
    for piece in pieces:
        whole = rest + piece
        kept = whole.rstrip(b"\r")
        rest = whole[len(kept) :]
        yield kept.replace(b"\r\r\n", b"\r\n")
    yield rest


class _Rest:
    """What follows the start of a mail, in whole lines, on its way to the parser.

    It ends with Unreadable where the mail is too large. Behind limits.DECLARED parts that may hold others,
    no further one is let be one: the parser looks for the end of each open part in every line.
    """

    def __init__(self, pieces: Iterable[bytes], *, size: int, is_composed: bool) -> None:
        self._pieces = pieces
        self._size = size
        self._is_composed = is_composed
        self.was_flattened = False

    def __iter__(self) -> Iterator[bytes]:
        declared = 0
        for piece in spilling.at_line_ends(self._pieces):
            self._size += len(piece)
            if self._size > limits.MESSAGE:
                raise Unreadable("too_large")
            if not self._is_composed or not _may_declare(piece):
                yield piece
                continue
            found = [match.start() for match in _DECLARATION.finditer(piece)]
            declared += len(found)
            if declared <= limits.DECLARED:
                yield piece
                continue
            self.was_flattened = True
            kept = found[max(0, len(found) - (declared - limits.DECLARED))]
            yield piece[:kept] + _DECLARATION.sub(_undeclared, piece[kept:])


def _may_declare(piece: bytes) -> bool:
    lowered = piece.lower()
    return b"boundary" in lowered or b"message/" in lowered


def _undeclared(match: re.Match[bytes]) -> bytes:
    """The same header of a part that holds no others."""
    return match[0].replace(b"=", b":") if match[0].endswith(b"=") else b"message/x-mail"


def _is_composed(head: bytes) -> bool:
    return b"multipart/" in head or b"message/" in head


def _part(message: Message, budget: _Budget, *, depth: int) -> Part:
    budget.parts -= 1
    found = headers.of(message)
    if found.was_cut:
        budget.note("header_too_long")
    content = headers.with_parameters(found.first("content-type"))
    kind = content.main if content.main.count("/") == 1 else "text/plain"
    part = Part(
        headers=found,
        content_type=kind,
        parameters=content.parameters,
        disposition=headers.with_parameters(found.first("content-disposition")),
    )
    if message.is_multipart():
        part.is_container = True
        _fill(
            part,
            [item for item in message.get_payload() if isinstance(item, Message)],
            budget,
            depth=depth,
        )
        return part
    body = budget.spilled.restored(_bytes(message))
    if kind.startswith("multipart/"):
        budget.note("multipart_without_parts")
        if pieces := _pieces(b"".join(body)):
            part.is_container = True
            _fill(part, pieces, budget, depth=depth)
            return part
        part.content_type = "text/plain"
    part.data = _decoded(body, found, budget)
    return part


def _pieces(body: bytes) -> list[Message]:
    """The parts of a body whose header names another boundary, or none, than the one that is there."""
    mark = _FIRST_MARK.match(body)
    if mark is None:
        return []
    parser = BytesFeedParser(policy=policy.compat32)
    parser.feed(b'Content-Type: multipart/mixed; boundary="' + mark[1] + b'"\r\n\r\n')
    for piece in spilling.cut(body):
        parser.feed(piece)
    found = parser.close()
    payload = found.get_payload() if found.is_multipart() else []
    return [item for item in payload if isinstance(item, Message)]


def _bytes(message: Message) -> bytes:
    """The body as it arrived: without the header that names its encoding the library leaves it alone."""
    del message["content-transfer-encoding"]
    body = message.get_payload(decode=True)
    message.set_payload("")
    return body if isinstance(body, bytes) else b""


def _fill(part: Part, payload: list[Message], budget: _Budget, *, depth: int) -> None:
    if depth == limits.DEPTH:
        budget.note("too_deep")
        return
    if part.content_type == "message/rfc822" and payload:
        # The library writes a carried mail with its own line ends; what was set aside gets them too.
        pieces = budget.spilled.restored(_source(payload[0]))
        part.data = b"".join(piece.replace(b"\r\n", b"\n") for piece in pieces)
    for child in payload:
        if budget.parts <= 0:
            budget.note("too_many_parts")
            return
        part.children.append(_part(child, budget, depth=depth + 1))


def _source(message: Message) -> bytes:
    try:
        return message.as_bytes()
    except TROUBLE:
        return b""


def _decoded(body: list[bytes], found: Headers, budget: _Budget) -> bytes:
    """The body without its encoding. What is long is taken piece by piece and let go of at once."""
    encoding = found.first("content-transfer-encoding").partition(";")[0].strip().lower()
    if encoding == "base64":
        data = from_base64(body[0]) if len(body) == 1 else _from_long_base64(body)
    elif encoding == "quoted-printable":
        data = binascii.a2b_qp(b"".join(body))
    elif encoding in {"x-uuencode", "uuencode", "x-uue", "uue"}:
        data = uuencoded.decode(b"".join(body))
    else:
        data = b"".join(body)
    if len(data) > budget.decoded:
        budget.note("decoded_too_large")
        data = data[: budget.decoded]
    budget.decoded -= len(data)
    return data


def _from_long_base64(body: list[bytes]) -> bytes:
    """The same as of the whole. Only the last piece of a clean body is shorter than what it stands for."""
    if any(_UNCLEAN.search(piece) for piece in body[:-1]):
        return from_base64(b"".join(body))
    decoded = io.BytesIO()
    rest = b""
    for piece in body[:-1]:
        clean = rest + piece.translate(None, b"\r\n \t")
        whole = len(clean) - len(clean) % 4
        decoded.write(binascii.a2b_base64(clean[:whole]))
        rest = clean[whole:]
    decoded.write(from_base64(rest + body[-1]))
    return decoded.getvalue()
