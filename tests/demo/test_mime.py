from __future__ import annotations

from datetime import UTC, datetime

import pytest

from demo import mime

AT = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)


def composed(**changes) -> bytes:
    parts = {
        "from_name": "Léa Müller",
        "from_address": "lea@mail.example",
        "to_address": "bonjour@alba.example",
        "subject": "Où est mon colis ?",
        "text": "Bonjour,\n\nmerci !\n",
        "message_id": "<one@mail.example>",
        "written_at": AT,
    }
    return mime.compose(**(parts | changes))


def test_what_is_composed_can_be_read():
    letter = mime.read(composed())

    assert letter.from_name == "Léa Müller"
    assert letter.from_address == "lea@mail.example"
    assert letter.subject == "Où est mon colis ?"
    assert letter.text == "Bonjour,\n\nmerci !"
    assert letter.thread == "<one@mail.example>"


def test_an_answer_names_the_mail_it_answers_and_the_whole_thread():
    raw = composed(references=["<a@x.example>", "<b@x.example>"])

    assert b"In-Reply-To: <b@x.example>" in raw
    assert mime.read(raw).references == ("<a@x.example>", "<b@x.example>")
    assert mime.read(raw).thread == "<a@x.example>"


def test_files_travel_with_their_names():
    file = mime.File(name="reçu.png", content_type="image/png", content=b"\x89PNG")

    assert mime.read(composed(files=[file])).files == (file,)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\xff\xfe",
        b"Subject: =?utf-8?b?!!!?=\r\n\r\nx",
        b"From: =?nowhere?q?x?= <\r\nContent-Type: text/plain; charset=none\r\n\r\n\xff",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
    ],
)
def test_a_broken_mail_is_still_a_letter(raw):
    assert isinstance(mime.read(raw), mime.Letter)


def test_a_subject_cannot_smuggle_headers():
    raw = composed(subject="Hello\r\nBcc: everybody@mail.example")

    assert b"\nBcc:" not in raw


def test_a_reply_has_one_prefix():
    assert mime.reply_subject("Bonjour") == "Re: Bonjour"
    assert mime.reply_subject("Re: Bonjour") == "Re: Bonjour"
    assert mime.reply_subject("AW: Bonjour") == "AW: Bonjour"
