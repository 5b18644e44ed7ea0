"""Mails of more parts, headers and line ends than anybody needs are read as far as that makes sense."""

from __future__ import annotations

import pytest

from messaging.mime import limits, reading

HEAD = b"From: Anna <a@b.example>\r\nSubject: Question\r\n"
WORDS = b"Content-Type: text/plain\r\n\r\nBonjour\r\n"


def multipart(parts: list[bytes]) -> bytes:
    body = b"".join(b"--B\r\n" + part for part in parts)
    return HEAD + b'Content-Type: multipart/mixed; boundary="B"\r\n\r\n' + body + b"--B--\r\n"


def nested(depth: int) -> bytes:
    mail = WORDS
    for number in range(depth):
        mail = b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n%s--b%d--\r\n' % (
            number,
            number,
            mail,
            number,
        )
    return HEAD + mail


@pytest.mark.parametrize("depth", [150, 1500])
def test_parts_nested_deeper_than_we_look_leave_the_mail_readable(depth):
    mail = reading.read(nested(depth))

    assert mail.subject == "Question"
    assert {"too_deep", "too_many_parts"} & set(mail.defects)


def test_of_thousands_of_parts_the_first_ones_are_read():
    inner = b'Content-Type: multipart/mixed; boundary="C"\r\n\r\n--C\r\n\r\nx\r\n--C--\r\n'

    mail = reading.read(multipart([WORDS, *[inner] * 5000]))

    assert mail.text.startswith("Bonjour")
    assert "too_many_parts" in mail.defects


def test_a_digest_of_many_mails_is_read():
    inner = b"Content-Type: message/rfc822\r\n\r\nFrom: c@d.example\r\nSubject: %d\r\n\r\nx\r\n"

    mail = reading.read(multipart([WORDS, *(inner % number for number in range(150))]))

    assert len(mail.files) == 150
    assert mail.files[0].name == "0.eml"


def test_a_mail_to_ten_thousand_people_is_read():
    people = b",\r\n ".join(b"person%d@example.org" % number for number in range(10_000))

    mail = reading.read(HEAD + b"Cc: " + people + b"\r\n\r\nBonjour")

    assert mail.text == "Bonjour"
    assert 0 < len(mail.cc) <= limits.ADDRESSES


def test_the_sender_is_found_below_thousands_of_other_headers():
    mail = reading.read(b"Received: from a by b\r\n" * 3000 + HEAD + b"\r\nBonjour")

    assert mail.sender.address == "a@b.example"


@pytest.mark.parametrize(
    "above",
    [b"\xef\xbb\xbf", b">From a@b.example Mon Nov  2 10:12:00 2026\r\n", b"\r\n \r\n"],
    ids=["mark of utf-8", "line of a mail folder", "blank lines"],
)
def test_what_stands_above_the_headers_does_not_hide_them(above):
    assert reading.read(above + HEAD + b"\r\nBonjour").subject == "Question"


@pytest.mark.parametrize("size", [10, 200_000])
def test_line_ends_that_were_doubled_on_the_way_are_line_ends(size):
    mail = reading.read((HEAD + b"\r\nBonjour\r\n" + b"x\r\n" * size).replace(b"\r\n", b"\r\r\n"))

    assert mail.subject == "Question"
    assert mail.text.startswith("Bonjour\nx\nx")


def test_a_long_text_is_cut_between_two_characters():
    head = HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n"

    mail = reading.read(head + b"x" + "é".encode() * 3 * limits.MEBIBYTE)

    assert set(mail.text) == {"x", "é"}
    assert mail.defects[0] == "text_cut"


def test_the_one_with_an_address_wrote_where_a_name_is_not_quoted():
    mail = reading.read(b"From: Muster, Anna <anna@example.org>\r\n\r\nBonjour")

    assert (mail.sender.address, mail.is_sender_sound) == ("anna@example.org", False)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("Sat, 31 Dec 2016 23:59:60 +0000", "2016-12-31T23:59:59+00:00"),
        ("Mon, 2 Nov 2026 10:12:00 PM +0100", "2026-11-02T21:12:00+00:00"),
        ("Mon, 2 Nov 2026 12:12:00 AM +0000", "2026-11-02T00:12:00+00:00"),
    ],
)
def test_leap_seconds_and_half_days_are_moments_too(written, found):
    mail = reading.read(HEAD + f"Date: {written}\r\n\r\nx".encode())

    assert mail.date is not None
    assert mail.date.isoformat() == found
