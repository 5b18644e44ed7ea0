"""The reading child: reads mails from its standard input under limits of processor time and memory.

A mail that eats either kills this process and nothing else. Each request is eight bytes of length and
the mail; each answer eight bytes of length, a JSON object, and the files one after another.
"""

from __future__ import annotations

import dataclasses
import json
import resource
import struct
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any, Final

from messaging.mime import limits, reading, spilling, structure
from messaging.mime.addresses import Address
from messaging.mime.bounces import Bounce
from messaging.mime.complaints import Complaint
from messaging.mime.files import ParsedFile
from messaging.mime.reading import ParsedMail

LENGTH: Final = struct.Struct(">Q")
CPU_SECONDS: Final = 20
MEMORY: Final = 512 * limits.MEBIBYTE
"""Address space, the libraries included; a mail of the greatest allowed size fits."""


def main() -> None:
    """Answer requests until the parent closes the pipe."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while header := requests.read(LENGTH.size):
        _allow_seconds(CPU_SECONDS)
        mail = _Mail(requests, LENGTH.unpack(header)[0])
        _answer(mail, answers)
        mail.skip()
        answers.flush()


def _allow_seconds(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, resource.RLIM_INFINITY))


class _Mail:
    """A mail that comes in by pieces; it is never held as a whole."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = size

    def __iter__(self) -> Iterator[bytes]:
        while self._left and (piece := self._stream.read(min(self._left, spilling.PIECE))):
            self._left -= len(piece)
            yield piece

    def skip(self) -> None:
        """Come to the end of a mail whose reading ended before."""
        for _piece in self:
            pass


def _answer(raw: _Mail, answers: IO[bytes]) -> None:
    try:
        mail = reading.read(raw)
    except structure.Unreadable as error:
        write(answers, {"error": error.code}, [])
        return
    except MemoryError:
        # The parent starts a fresh child; this one may be in any state.
        write(answers, {"error": "too_expensive"}, [])
        raise
    write(answers, {"mail": packed(mail)}, [item.data for item in mail.files])


def write(stream: IO[bytes], answer: dict[str, Any], blobs: list[bytes]) -> None:
    """Write one answer."""
    body = json.dumps(answer).encode()
    stream.write(LENGTH.pack(len(body)))
    stream.write(body)
    for blob in blobs:
        stream.write(blob)


def packed(mail: ParsedMail) -> dict[str, Any]:
    """The mail as JSON, without the bytes of its files."""
    fields = {field.name: getattr(mail, field.name) for field in dataclasses.fields(mail)}
    plain = {name: _plain(value) for name, value in fields.items()}
    plain["date"] = mail.date.isoformat() if mail.date else None
    plain["files"] = [{**_plain(item), "data": None} for item in mail.files]
    return plain


def unpacked(plain: dict[str, Any], blobs: list[bytes]) -> ParsedMail:
    """The mail from its JSON and the bytes of its files."""
    values = dict(plain)
    values["date"] = datetime.fromisoformat(values["date"]) if values["date"] else None
    values["sender"] = Address(**values["sender"])
    values["reply_to"] = Address(**values["reply_to"]) if values["reply_to"] else None
    values["to"] = [Address(**item) for item in values["to"]]
    values["cc"] = [Address(**item) for item in values["cc"]]
    values["bounces"] = [Bounce(**item) for item in values["bounces"]]
    if values["passed_on_for"]:
        values["passed_on_for"] = Address(**values["passed_on_for"])
    if values["complaint"]:
        values["complaint"] = Complaint(**values["complaint"])
    values["files"] = [
        ParsedFile(**{**item, "data": blob})
        for item, blob in zip(values["files"], blobs, strict=True)
    ]
    return ParsedMail(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Address | Bounce | Complaint | ParsedFile):
        return {
            field.name: getattr(value, field.name)
            for field in dataclasses.fields(value)
            if field.name != "data"
        }
    return value


if __name__ == "__main__":
    main()
