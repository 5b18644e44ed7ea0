"""What mail programs of the world write that no standard allows, and what still has to be understood."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from messaging.mime import limits, quotes, reading
from messaging.mime.reading import ParsedMail
from messaging.transports.reader import MailReader

HEAD = {
    "From": "Claire <claire@example.org>",
    "To": "bonjour@maison.example",
    "Date": "Mon, 2 Nov 2026 10:00:00 +0100",
    "Message-ID": "<one@example.org>",
    "Subject": "Question",
}
TEN_IN_PARIS = datetime(2026, 11, 2, 9, tzinfo=UTC)
JAPANESE = "注文した商品が届きません。"


def read(body: bytes = b"Bonjour", **headers: Any) -> ParsedMail:
    """A mail whose headers are replaced by the keywords, `_` for `-`."""
    given = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    lines = [
        f"{name}: {given.pop(name.lower(), value)}".encode("utf-8", "surrogateescape")
        for name, value in HEAD.items()
    ]
    lines += [f"{name}: {value}".encode() for name, value in given.items()]
    return reading.read(b"\r\n".join(lines) + b"\r\n\r\n" + body)


# --- Headers ---


@pytest.mark.parametrize(
    "written",
    [
        "Mon, 2 Nov 2026 10:00:00 +0100 (CET)",
        "Mon, 2 Nov 2026 10:00:00 CET",
        "Mon, 2 Nov 2026 10:00:00 MEZ",
        "Mon, 2 Nov 2026 10:00:00 GMT+1",
        "Mon, 2 Nov 2026 10.00.00 +0100",
        "2 Nov 26 10:00 +0100",
        "lun., 2 nov. 2026 10:00:00 +0100",
        "Mo, 2 November 2026 10:00:00 MET",
        "2026-11-02T10:00:00+01:00",
        'Mon, 2 Nov 2026 09:00:00 "GMT"',
        "Mon Nov  2 09:00:00 2026",
    ],
)
def test_a_moment_is_understood_however_it_is_written(written: str) -> None:
    assert read(date=written).date == TEN_IN_PARIS


@pytest.mark.parametrize("written", ["11/02/2026 10:00", "Mon, 40 Nov 2026 10:00:00", "soon"])
def test_a_moment_that_cannot_be_is_none(written: str) -> None:
    mail = read(date=written)

    assert mail.date is None
    assert "date_invalid" in mail.defects


@pytest.mark.parametrize(
    ("written", "month"),
    [
        ("2 févr. 2026", 2),
        ("2 Mär 2026", 3),
        ("2 mai 2026", 5),
        ("2 ago 2026", 8),
        ("2 dic 2026", 12),
    ],
)
def test_months_are_known_in_other_languages(written: str, month: int) -> None:
    assert read(date=f"{written} 10:00:00 +0000").date == datetime(2026, month, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "understood"),
    [
        ("one@example.org", "one@example.org"),
        ("< one@example.org >", "<one@example.org>"),
        ("<one @example.org>", "<one@example.org>"),
        ("<one@example.org> (added by postmaster)", "<one@example.org>"),
        ("\r\n <one@example.org>", "<one@example.org>"),
    ],
)
def test_an_id_is_found_without_its_brackets_and_with_gaps(written: str, understood: str) -> None:
    assert read(message_id=written).message_id == understood


def test_references_may_be_bare_and_stand_in_prose() -> None:
    mail = read(
        in_reply_to='Your message of "Mon, 2 Nov 2026" <two@example.org>',
        references="one@example.org two@example.org",
    )

    assert mail.in_reply_to == "<two@example.org>"
    assert mail.references == ["one@example.org", "two@example.org"]


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("Claire claire@example.org", "Claire", "claire@example.org"),
        ("Claire [claire@example.org]", "Claire", "claire@example.org"),
        ("Claire <<claire@example.org>>", "Claire >", "claire@example.org"),
        ("Claire <mailto:claire@example.org>", "Claire", "claire@example.org"),
        ("claire@example.org.", "", "claire@example.org"),
        ("claire..d@example.org", "", "claire..d@example.org"),
        ("Claire <claire@[192.0.2.1]>", "Claire", "claire@[192.0.2.1]"),
        ("zoé@example.org", "", "zoé@example.org"),
    ],
)
def test_what_looks_like_an_address_is_shown_and_proves_nothing(
    written: str, name: str, address: str
) -> None:
    mail = read(**{"from": written})

    assert (mail.sender.name, mail.sender.address) == (name, address)
    assert not mail.is_sender_sound


@pytest.mark.parametrize("written", ["claire@example..org", "a@b.example or c@d.example", "nobody"])
def test_what_may_be_two_addresses_or_none_stays_empty(written: str) -> None:
    assert read(**{"from": written}).sender.address == ""


def test_raw_headers_are_read_in_the_character_set_of_the_words_below() -> None:
    head = f"From: a@b.example\nSubject: {JAPANESE}\n".encode("euc_jp")
    mail = reading.read(
        head + b"Content-Type: text/plain; charset=euc-jp\n\n" + JAPANESE.encode("euc_jp")
    )

    assert (mail.subject, mail.text) == (JAPANESE, JAPANESE)


# --- Character sets ---


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("iso-2022-jp", b"\x1b$B-!\x1b(B abc", "① abc"),
        ("cp50221", JAPANESE.encode("iso2022_jp"), JAPANESE),
        ("us-ascii", JAPANESE.encode("iso2022_jp"), JAPANESE),
        ("", JAPANESE.encode("iso2022_jp"), JAPANESE),
        ("iso-2022-jp", b"\x1b(I6E\x1b(B", "ｶﾅ"),
        ("iso-2022-kr", "한국".encode("iso2022_kr"), "한국"),
        ("windows-31j", JAPANESE.encode("cp932"), JAPANESE),
        ("windows-874", "ไทย".encode("cp874"), "ไทย"),
        ("x-mac-roman", "Été".encode("mac_roman"), "Été"),
        ("win-1252", "“oui”".encode("cp1252"), "“oui”"),
        ("iso-8859-2", "ľšť".encode("cp1250"), "ľšť"),
        ("iso-8859-2", "Příliš".encode("iso8859-2"), "Příliš"),
        ("iso-8859-5", "«Привет»".encode("cp1251") + b"\x85", "«Привет»…"),
        ("iso-8859-15", "10 €".encode("iso8859-15"), "10 €"),
        ("iso-8859-1", "Été à Zürich".encode(), "Été à Zürich"),
        ("utf-8", b"\xef\xbb\xbfhello", "hello"),
    ],
)
def test_text_is_read_as_its_writer_meant_it(charset: str, data: bytes, text: str) -> None:
    kind = f"text/plain; charset={charset}" if charset else "text/plain"

    assert read(data, content_type=kind).text == text


@pytest.mark.parametrize(
    "meta",
    [
        '<meta charset="koi8-r">',
        '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">',
    ],
)
def test_a_page_may_name_its_character_set_itself(meta: str) -> None:
    page = f"<html><head>{meta}</head><body>Привет</body></html>".encode("koi8-r")

    assert read(page, content_type="text/html").text == "Привет"


# --- Bodies ---


def test_what_a_list_wrote_below_base64_stays_readable() -> None:
    body = base64.b64encode("Été à Zürich 12345".encode()) + b"\n-- \nfooter of the list"

    mail = read(body, content_type="text/plain; charset=utf-8", content_transfer_encoding="base64")

    assert mail.text == "Été à Zürich 12345\n-- \nfooter of the list"


def test_base64_encoded_piece_by_piece_is_read_piece_by_piece() -> None:
    body = base64.b64encode(b"abc ") + b"\n" + base64.b64encode(b"defgh") + b"\n"

    assert read(body, content_transfer_encoding="base64").text == "abc defgh"


@pytest.mark.parametrize("kind", ["text/plain, charset=utf-8", "text/plain charset=utf-8", "text"])
def test_a_kind_with_the_wrong_mark_behind_it_is_still_text(kind: str) -> None:
    mail = read("Été".encode(), content_type=kind)

    assert (mail.text, mail.files) == ("Été", [])


def test_enriched_text_is_text() -> None:
    mail = read(b"<bold>Bonjour</bold> <<vous\n\nMerci\nbien", content_type="text/enriched")

    assert mail.text == "Bonjour <vous\nMerci bien"


def test_a_mail_that_is_one_named_text_is_its_words_and_no_file() -> None:
    mail = read(b"Bonjour", content_type='text/plain; name="message.txt"')

    assert (mail.text, mail.files) == ("Bonjour", [])


def test_the_second_form_of_the_same_words_is_no_file() -> None:
    body = b"--x\nContent-Type: text/plain\n\nBonjour\n--x\nContent-Type: text/x-amp-html\n\n<p>\n--x--\n"

    assert read(body, content_type="multipart/alternative; boundary=x").files == []


def test_a_page_s_title_is_not_what_the_mail_says() -> None:
    page = b"<html><head><title>Newsletter</title></head><body><p>Bonjour</p></body></html>"

    mail = read(page, content_type="text/html")

    assert mail.text == "Bonjour"
    assert "Newsletter" not in mail.html_clean


def test_a_picture_the_page_can_name_is_inline_without_saying_so() -> None:
    body = (
        b"--x\nContent-Type: text/html\n\n<img src='cid:one'>\n"
        b"--x\nContent-Type: image/png\nContent-ID: <one>\n\nPNG\n--x--\n"
    )

    [picture] = read(body, content_type="multipart/mixed; boundary=x").files

    assert picture.is_inline


@pytest.mark.parametrize("kind", ["multipart/mixed", "multipart/mixed; boundary=another"])
def test_parts_are_found_though_their_boundary_is_named_wrongly(kind: str) -> None:
    body = b"--x\n\nBonjour\n--x\nContent-Type: application/pdf; name=a.pdf\n\nPDF\n--x--\n"

    mail = read(body, content_type=kind)

    assert (mail.text, [item.name for item in mail.files]) == ("Bonjour", ["a.pdf"])
    assert "multipart_without_parts" in mail.defects


def test_blank_lines_above_and_blanks_before_colons_do_not_hide_the_headers() -> None:
    mail = reading.read(b"\r\n\nFrom : a@b.example\nSubject  : Question\n\nWhat : else\n")

    assert (mail.sender.address, mail.subject) == ("a@b.example", "Question")
    assert mail.text == "What : else"


# --- The same mail again ---


def test_a_mail_recoded_on_its_way_is_the_same_mail() -> None:
    plain = read("Où est ma commande ?".encode(), content_type="text/plain; charset=utf-8")
    recoded = read(
        b"O=C3=B9 est ma=\r\n commande ?\r\n",
        content_type="text/plain; charset=utf-8",
        content_transfer_encoding="quoted-printable",
        received="from a by b",
    )

    assert plain.dedupe_key == recoded.dedupe_key


# --- Machines ---


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"subject": "Auto-réponse: x"}, "auto_reply"),
        ({"subject": "[Auto-Reply] x"}, "auto_reply"),
        ({"subject": "Message d’absence"}, "auto_reply"),
        ({"subject": "Fuori ufficio: x"}, "auto_reply"),
        ({"subject": "Automatiskt svar: x"}, "auto_reply"),
        ({"subject": "Odpowiedź automatyczna: x"}, "auto_reply"),
        ({"subject": "Congés d'été", "auto_submitted": "auto-generated"}, "auto_reply"),
        ({"preference": "auto_reply"}, "auto_reply"),
        ({"x_autogenerated": "Reply"}, "auto_reply"),
        ({"x_auto_response_suppress": "DR, OOF, AutoReply"}, "notification"),
        ({"from": "account-noreply@example.org"}, "notification"),
        ({"from": "nicht-antworten@example.org"}, "notification"),
        ({"from": "notification+abc@example.org"}, "notification"),
        ({"x_mailing_list": "<list@example.org>"}, "list"),
        ({"sender": "owner-list@example.org"}, "list"),
        ({"subject": "Out of office next week, please wait"}, ""),
        ({"subject": "Réponse automatique reçue, et mon colis ?"}, ""),
        ({"subject": "Vacation booking question"}, ""),
        ({"x_auto_response_suppress": "OOF"}, ""),
        ({"from": "responder@example.org"}, ""),
    ],
)
def test_machines_of_many_countries_are_told_from_people(
    headers: dict[str, str], kind: str
) -> None:
    assert read(**headers).machine == kind


# --- Quotes ---

WRITTEN = "Bonjour,\n\nMerci.\nAna"
HISTORIES = {
    "outlook pt": "De: S\nEnviada em: segunda\nPara: A\nAssunto: x\n\nVoilà",
    "outlook pl": "Od: S\nWysłano: pon\nDo: A\nTemat: x\n\nVoilà",
    "outlook ru": "От: S\nОтправлено: пон\nКому: A\nТема: x\n\nVoilà",
    "sfr": "=========================\n\nMessage du : 02/11/2026 10:12\nDe : S\nA : ana@x.example\n\nVoilà",
    "notes forward": "---------- Forwarded by S Service/PAR/SHOP on 11/02/2026 10:12 AM ----------\nVoilà",
    "notes": '"S" <s@x.example>\n02/11/2026 10:12\n\nTo\nana@x.example\ncc\n\nSubject\nx\n\nVoilà',
    "notes one line": "S <s@x.example> on 11/02/2026 10:12:00 AM\n\nTo: ana\ncc:\nSubject: x\n\nVoilà",
    "mutt": "* S <s@x.example> [2026-11-02 10:12]:\n> Voilà",
    "greek": "Στις Δευ 2 Νοε 2026 στις 10:12 π.μ., ο χρήστης S <s@x.example> έγραψε:\n\n> Voilà",
    "hebrew": "\u200fבתאריך יום ב׳, 2 בנוב׳ 2026 ב-10:12 מאת \u202aS\u202c "
    "<\u202as@x.example\u202c>:\u202c\n> Voilà",
    "korean": "2026년 11월 2일 (월) 오전 10:12, S <s@x.example>님이 작성:\n\n> Voilà",
    "help desk": "##- Veuillez répondre au-dessus de cette ligne -##\n\nVoilà",
}
FOOTERS = {
    "list": "_______________________________________________\nlist mailing list\nlist@x.example",
    "scanner": "---\nVirus-free. www.avast.com",
    "proton": "Sent with Proton Mail secure email.",
    "windows": "Envoyé à partir de Courrier pour Windows 10",
    "gmx": "Diese Nachricht wurde von meinem Android Mobiltelefon mit GMX Mail gesendet.",
}


@pytest.mark.parametrize("name", HISTORIES)
def test_the_history_is_found_behind_what_was_written(name: str) -> None:
    parts = quotes.split(f"{WRITTEN}\n\n{HISTORIES[name]}")

    assert parts.visible == WRITTEN
    assert "Voilà" in parts.quoted


@pytest.mark.parametrize("name", FOOTERS)
def test_what_programs_write_below_is_not_what_the_person_wrote(name: str) -> None:
    assert quotes.split(f"{WRITTEN}\n\n{FOOTERS[name]}").visible == WRITTEN


@pytest.mark.parametrize(
    "text",
    [
        "le 2 novembre 2026 à 10:12 j'ai écrit à info@x.example:\npas de réponse",
        "To: whom\nit may concern\nSubject: refund",
        "À : moi\nA\nobjet",
        "a\n---\nb",
    ],
)
def test_what_a_person_writes_in_such_a_form_stays(text: str) -> None:
    assert quotes.split(text).visible == text


# --- Size ---


def test_the_largest_mail_is_read_with_a_fraction_of_the_memory_that_is_allowed() -> None:
    line = base64.encodebytes(bytes(range(57)))
    lines = line * ((limits.MESSAGE - 1000) // len(line))
    raw = (
        b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        b"--x\r\n\r\nBonjour\r\n--x\r\nContent-Type: application/pdf\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + lines + b"\r\n--x--\r\n"
    )
    reader = MailReader()
    reader.read(b"From: a@b.example\r\n\r\nx")
    process = reader._process
    assert process is not None
    before = peak_memory(process.pid)

    mail = reader.read(raw)
    grown = peak_memory(process.pid) - before
    reader.close()

    assert mail.text == "Bonjour"
    assert mail.files[0].size == len(lines) // len(line) * 57
    # The bytes, their lines and what they decode to; the library alone would take ten times their size.
    assert grown < 5 * len(raw)


def peak_memory(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
