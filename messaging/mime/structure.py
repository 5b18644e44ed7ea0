"""The tree of a mail: taken apart by the library, walked with our limits."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import Message
from email.parser import BytesFeedParser
from typing import Final

from messaging.mime import headers, limits, uuencoded
from messaging.mime.charsets import from_base64
from messaging.mime.headers import Headers, Value

_DECLARATION: Final = re.compile(rb"boundary\s{0,10}=|message/rfc822", re.IGNORECASE)
_PIECE: Final = 64 * 1024
_LATE_COLON: Final = re.compile(rb"^([!-9;-~]{1,60})[ \t]{1,9}:", re.MULTILINE)
_FIRST_MARK: Final = re.compile(rb"\s{0,20}--([^\s\"]{1,70})[ \t]*\r?\n")
_OVERLAP: Final = 20
"""Longer than what is counted, so that nothing is overlooked between two pieces."""
_BLANK: Final = re.compile(rb"\r?\n[ \t]*\r?\n")
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

    parts: int = limits.PARTS
    decoded: int = limits.DECODED
    defects: list[str] = field(default_factory=list)

    def note(self, defect: str) -> None:
        if defect not in self.defects:
            self.defects.append(defect)


def parse(raw: bytes) -> tuple[Part, list[str]]:
    """The tree and the codes of what was odd about it. Raises Unreadable."""
    if not raw.strip():
        raise Unreadable("empty")
    if len(raw) > limits.MESSAGE:
        raise Unreadable("too_large")
    raw = _with_plain_head(raw)
    blank = _BLANK.search(raw)
    head = raw[: blank.start()] if blank else raw
    if len(head) > limits.HEADER_BLOCK:
        raise Unreadable("headers_too_large")
    if _is_composed(head) and _declarations(raw) > limits.PARTS:
        raise Unreadable("too_many_parts")
    try:
        message = _parsed(raw)
    except TROUBLE as error:
        raise Unreadable("malformed") from error
    budget = _Budget()
    root = _part(message, budget, depth=0)
    if not root.headers.items:
        raise Unreadable("no_headers")
    root.headers.fallback = next(
        (part.parameters["charset"] for part in root.walk_own() if part.parameters.get("charset")),
        "",
    )
    return root, budget.defects


def _with_plain_head(raw: bytes) -> bytes:
    """The mail without blank lines above its headers and blanks in front of their colons."""
    if raw[:1] in {b"\r", b"\n"}:
        raw = raw.lstrip(b"\r\n")
    blank = _BLANK.search(raw)
    end = min(blank.start() if blank else len(raw), limits.HEADER_BLOCK)
    head = _LATE_COLON.sub(rb"\1:", raw[:end])
    return raw if len(head) == end else head + raw[end:]


def _parsed(raw: bytes) -> Message:
    """The library's tree, fed in pieces: handed the whole mail it keeps four bytes for each one of it."""
    parser = BytesFeedParser(policy=policy.compat32)
    for start in range(0, len(raw), _PIECE):
        parser.feed(raw[start : start + _PIECE])
    return parser.close()


def _declarations(raw: bytes) -> int:
    """How many parts the mail may have. The exact count is taken only where the rough one is too high."""
    rough = 0
    for start in range(0, len(raw), _PIECE):
        piece = raw[start : start + _PIECE + _OVERLAP].lower()
        rough += piece.count(b"boundary") + piece.count(b"message/rfc822")
    if rough <= limits.PARTS:
        return rough
    return sum(1 for _ in _DECLARATION.finditer(raw))


def _is_composed(head: bytes) -> bool:
    lowered = head.lower()
    return b"multipart/" in lowered or b"message/" in lowered


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
    body = _bytes(message)
    if kind.startswith("multipart/"):
        budget.note("multipart_without_parts")
        if pieces := _pieces(body):
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
    found = _parsed(b'Content-Type: multipart/mixed; boundary="' + mark[1] + b'"\r\n\r\n' + body)
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
        part.data = _source(payload[0])
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


def _decoded(data: bytes, found: Headers, budget: _Budget) -> bytes:
    encoding = found.first("content-transfer-encoding").partition(";")[0].strip().lower()
    if encoding == "base64":
        data = from_base64(data)
    elif encoding == "quoted-printable":
        data = binascii.a2b_qp(data)
    elif encoding in {"x-uuencode", "uuencode", "x-uue", "uue"}:
        data = uuencoded.decode(data)
    if len(data) > budget.decoded:
        budget.note("decoded_too_large")
        data = data[: budget.decoded]
    budget.decoded -= len(data)
    return data
