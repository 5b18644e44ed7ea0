"""Files that hide in other files: winmail.dat and uuencode."""

from __future__ import annotations

import binascii
import struct

from hypothesis import given
from hypothesis import strategies as st

from messaging.mime import reading, tnef, uuencoded

OUTLOOK = "Content-Type: application/ms-tnef; name=winmail.dat"
PDF = b"%PDF-1.4 facture" * 50


def attribute(identifier, value, *, level=2):
    return (
        struct.pack("<BII", level, identifier, len(value))
        + value
        + struct.pack("<H", sum(value) & 0xFFFF)
    )


def text_property(identifier, text):
    value = (text + "\0").encode("utf-16-le")
    return (
        struct.pack("<HHII", 0x001F, identifier, 1, len(value)) + value + b"\0" * (-len(value) % 4)
    )


def winmail(*attributes):
    return struct.pack("<IH", 0x223E9F78, 1) + b"".join(attributes)


def properties(*values):
    named = struct.pack("<HH16sII", 0x0003, 0x8001, b"g" * 16, 0, 7) + struct.pack("<I", 5)
    return struct.pack("<I", len(values) + 1) + named + b"".join(values)


WINMAIL = winmail(
    attribute(0x00069007, struct.pack("<I", 1252), level=1),
    attribute(0x0002800C, "Voilà la facture.\r\n\0".encode("cp1252"), level=1),
    attribute(0x00069002, b"\0" * 14),
    attribute(0x00018010, b"FACTUR~1.PDF\0"),
    attribute(0x0006800F, PDF),
    attribute(
        0x00069005,
        properties(
            text_property(0x3707, "facture d'été.pdf"), text_property(0x370E, "application/pdf")
        ),
    ),
    attribute(0x00069002, b"\0" * 14),
    attribute(0x00018010, b"note.txt\0"),
    attribute(0x0006800F, b"bonjour"),
)  # fmt: skip


def mail_with(body, *, head="Content-Type: text/plain"):
    return f"From: Ana <ana@mail.example>\nTo: a@shop.example\nSubject: Facture\n{head}\n\n{body}".encode()


def test_winmail_dat_gives_its_files_and_its_words():
    packed = binascii.b2a_base64(WINMAIL).decode()

    mail = reading.read(
        mail_with(
            packed,
            head="Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64",
        )
    )

    assert [(file.name, file.content_type, file.data) for file in mail.files] == [
        ("facture d'été.pdf", "application/pdf", PDF),
        ("note.txt", "text/plain", b"bonjour"),
    ]
    assert mail.text == "Voilà la facture."


def test_a_broken_winmail_dat_gives_what_came_before_the_damage():
    found = tnef.read(WINMAIL[:-40])

    assert found.files[0].data == PDF
    assert not found.is_whole


def test_a_winmail_dat_that_is_none_stays_a_file():
    mail = reading.read(mail_with("nothing", head=OUTLOOK))

    assert [file.name for file in mail.files] == ["winmail.dat"]


@given(data=st.binary(max_size=300), cut=st.integers(0, len(WINMAIL)))
def test_arbitrary_bytes_in_a_winmail_dat_never_raise(data, cut):
    tnef.read(WINMAIL[:cut] + data)
    tnef.read(winmail() + data)


def uu(name, data):
    lines = [binascii.b2a_uu(data[at : at + 45]).decode() for at in range(0, len(data), 45)]
    return f"begin 644 {name}\n{''.join(lines)}`\nend\n"


def test_a_file_written_into_the_text_is_a_file():
    mail = reading.read(mail_with(f"Voici la facture.\n\n{uu('../facture.pdf', PDF)}\nMerci"))

    assert [(file.name, file.content_type, file.data) for file in mail.files] == [
        ("facture.pdf", "application/pdf", PDF)
    ]
    assert mail.text.split() == ["Voici", "la", "facture.", "Merci"]


def test_a_sentence_that_looks_like_the_beginning_of_a_file_stays_text():
    text = "begin 644 words is how uuencode begins.\nVoilà.\nend"

    assert uuencoded.cut_out(text) == (text, [])


@given(text=st.text(alphabet="begin 0644\n`M!end#é", max_size=200))
def test_cutting_files_out_never_raises(text):
    uuencoded.cut_out(text)
