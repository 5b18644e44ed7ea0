"""Mails of the greatest size: read in pieces, never held twice, and understood like all others."""

from __future__ import annotations

import base64
import hashlib
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.mime import limits, reading, spilling, structure
from messaging.transports.reader import MailReader

HEAD = (
    b"From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\nMessage-ID: <1@b>\r\n"
    b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Type: text/plain\r\n\r\n"
    b"Bonjour\r\n--q\r\nContent-Type: %s; name=a.bin\r\n"
    b"Content-Disposition: attachment; filename=a.bin\r\nContent-Transfer-Encoding: %s\r\n\r\n"
)
TAIL = b"--q\r\nContent-Type: text/plain\r\n\r\nAu revoir\r\n--q--\r\n"


def content(size: int) -> bytes:
    return random.Random(5).randbytes(size)


def mail(
    body: bytes, *, encoding: bytes = b"base64", kind: bytes = b"application/octet-stream"
) -> bytes:
    return HEAD % (kind, encoding) + body + TAIL


def encoded(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


@pytest.mark.parametrize("size", [0, 1, 250_000, 500_000, 3_000_001])
def test_a_file_of_any_size_comes_out_as_it_went_in(size: int) -> None:
    data = content(size)

    found = reading.read(mail(encoded(data)))

    assert [item.data for item in found.files] == [data]
    assert found.text == "Bonjour\n\nAu revoir"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.replace(b"A", b"A!", 1),
        lambda body: body[:400_000] + b"==\r\n" + body[400_000:],
        lambda body: body.rstrip(b"\r\n=") + b"\r\n",
        lambda body: body + b"\r\nThis list is run by nobody.\r\n",
        lambda body: body.replace(b"\r\n", b"\n"),
        lambda body: body.replace(b"\r\n", b"") + b"\r\n",
    ],
)
def test_sloppy_base64_reads_the_same_in_pieces_and_as_a_whole(spoil: object) -> None:
    body = spoil(encoded(content(1_000_000)))  # type: ignore[operator] # a function

    [found] = reading.read(mail(body)).files

    # What the parser leaves of the body: without the line end in front of the next mark.
    assert found.data == structure.from_base64(body[:-2] if body.endswith(b"\r\n") else body)


def test_a_long_text_and_a_long_mail_in_a_mail_stay_whole() -> None:
    text = b"".join(b"ligne %d\r\n" % number for number in range(120_000))
    inner = b"From: x@y.example\r\nSubject: inner\r\n\r\n" + text

    [plain] = reading.read(mail(text, encoding=b"7bit")).files
    [forwarded] = reading.read(mail(inner, encoding=b"7bit", kind=b"message/rfc822")).files

    assert plain.data.rstrip() == text.rstrip()
    assert forwarded.data.replace(b"\r\n", b"\n").rstrip() == inner.replace(b"\r\n", b"\n").rstrip()


def test_a_mail_that_is_all_body_is_cut_for_showing_only() -> None:
    raw = b"From: a@b.example\r\nSubject: x\r\n\r\n" + b"mot " * 20 + b"\r\n"
    raw += b"encore une ligne\r\n" * 100_000

    found = reading.read(raw)

    assert len(found.text) <= limits.TEXT
    assert found.sha256 == hashlib.sha256(raw).hexdigest()
    assert "ecrm-" not in found.text


@given(
    st.lists(
        st.sampled_from(
            [b"--q\r\n", b"-- \r\n", b"x" * 70_000, b"\r\n", b"\n", b"\r--q", b"y\n" * 40_000]
        ),
        max_size=12,
    )
)
def test_nothing_is_lost_on_the_way_to_the_parser(parts: list[bytes]) -> None:
    raw = b"".join(parts)
    spilled = spilling.Spilled()

    message = spilled.parsed(b"From: a@b.example\r\n\r\n", spilling.at_line_ends(spilling.cut(raw)))

    body = message.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert b"".join(spilled.restored(body)) == raw


@pytest.mark.parametrize("size", [limits.MESSAGE + 1, limits.MESSAGE * 2])
def test_what_is_too_large_is_refused_without_being_kept(size: int) -> None:
    pieces = (b"From: a@b.example\r\n\r\n", *([b"x" * 1023 + b"\n"] * (size // 1024)))

    with pytest.raises(structure.Unreadable, match="too_large"):
        reading.read(iter(pieces))


def test_reading_the_largest_mail_costs_about_twice_its_size() -> None:
    """The mail goes through in pieces: what is held is its body, and then the file that was in it."""
    reader = MailReader()
    try:
        reader.read(mail(encoded(b"small")))
        process = reader._process
        assert process is not None
        before = _peak(process.pid)
        raw = mail(encoded(content(25 * limits.MEBIBYTE)))

        [found] = reader.read(raw).files

        grown = _peak(process.pid) - before
    finally:
        reader.close()
    assert found.size == 25 * limits.MEBIBYTE
    assert grown < 2.5 * len(raw), f"{grown / limits.MEBIBYTE:.0f} MiB"


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_the_child_reads_on_after_a_mail_that_it_refused() -> None:
    reader = MailReader()
    try:
        with pytest.raises(structure.Unreadable, match="too_large"):
            reader.read(b"From: a@b.example\r\n\r\n" + b"x\n" * limits.MESSAGE)
        assert reader.read(mail(encoded(b"then"))).files[0].data == b"then"
    finally:
        reader.close()
