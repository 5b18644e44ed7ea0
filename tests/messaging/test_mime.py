"""Reading mails: what every mail program writes, what hostile ones write, and arbitrary bytes."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging.mime import addresses, charsets, files, html, quotes, reading, reasons
from messaging.mime.reading import ParsedMail
from messaging.mime.structure import Unreadable
from tests.messaging.factories import mail_bytes

FORWARD = (
    b'From: =?iso-8859-1?q?Andr=E9?= <andre@example.org>\r\nTo: a@b.ch, "C, D" <c@d.ch>\r\n'
    b"Subject: =?utf-8?B?w4l0w6k=?= =?utf-8?Q?_2026?=\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nA\r\n"
    b"--x\r\nContent-Type: message/rfc822\r\n\r\nFrom: x@y.z\r\nSubject: inner\r\n\r\nB\r\n--x--\r\n"
)
REPORT = (
    b"From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered\r\n"
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n"
    b"--r\r\n\r\nSorry\r\n"
    b"--r\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
    b"Final-Recipient: rfc822; gone@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    b"Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n\r\n"
    b"--r\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <one@shop.example>\r\n--r--\r\n"
)
CORPUS = [
    mail_bytes(),
    mail_bytes(
        html="<p>Bonjour <b>vous</b></p><img src='https://track.example/p.gif'>",
        files={"reçu.pdf": b"x"},
    ),
    FORWARD,
    REPORT,
]


def read_or_code(raw: bytes) -> ParsedMail | str:
    try:
        return reading.read(raw)
    except Unreadable as error:
        return error.code


def assert_storable(mail: ParsedMail) -> None:
    line = json.dumps(reading.as_report(mail, file="f"))
    assert "\\u0000" not in line
    assert "\\ud8" not in line.lower() or line.encode()
    for text in (
        mail.text,
        mail.subject,
        mail.html_clean,
        mail.visible_text,
        *(f.name for f in mail.files),
    ):
        text.encode()
        assert "\0" not in text
    assert all(item.name for item in mail.files)


# --- Arbitrary bytes ---


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=3000))
def test_arbitrary_bytes_never_raise(raw: bytes) -> None:
    mail = read_or_code(raw)

    if not isinstance(mail, str):
        assert_storable(mail)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(CORPUS), st.integers(0, 2**32))
def test_mutated_mails_never_raise(raw: bytes, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(raw)
    for _ in range(chance.randint(1, 12)):
        position = chance.randrange(len(data))
        kind = chance.randrange(4)
        if kind == 0:
            data[position] = chance.randrange(256)
        elif kind == 1:
            del data[position : position + chance.randrange(1, 40)]
        elif kind == 2:
            data[position:position] = data[position : position + chance.randrange(1, 60)]
        else:
            data[position:position] = chance.choice(
                [
                    b"\r\n",
                    b"\0",
                    b"=?",
                    b"?=",
                    b"=?utf-8?b?",
                    b"<",
                    b"(",
                    b'"',
                    b"\xff",
                    b"--x\r\n",
                    b"; charset=punycode",
                    b"%ff",
                ]
            )
        if not data:
            return

    mail = read_or_code(bytes(data))

    if not isinstance(mail, str):
        assert_storable(mail)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400))
def test_any_header_text_is_read_as_addresses_without_raising(value: str) -> None:
    found = addresses.parse(value)

    for mailbox in found.mailboxes:
        assert not any(character.isspace() or character < " " for character in mailbox.address)
        if mailbox.address != addresses.normalised(mailbox.address):
            assert "invalid_address" in found.defects


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400))
def test_a_safe_name_stays_as_it_is_and_names_no_folder(name: str) -> None:
    safe = files.safe_name(name)

    assert not set(safe) & set("/\\\0\r\n")
    assert files.safe_name(safe) == safe


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "quotes in To": lambda n: b"To: " + b'"' * n + b"\r\n\r\nx",
    "comments in To": lambda n: b"To: " + b"(" * n + b"\r\n\r\nx",
    "many addresses": lambda n: b"To: " + b"a@b.c," * (n // 6) + b"\r\n\r\nx",
    "angles in From": lambda n: b"From: " + b"<a" * (n // 2) + b"\r\n\r\nx",
    "encoded words": lambda n: b"Subject: " + b"=?a?q?" * (n // 6) + b"\r\n\r\nx",
    "encoded words complete": lambda n: b"Subject: " + b"=?utf-8?q?a?= " * (n // 14) + b"\r\n\r\nx",
    "folded header": lambda n: b"Subject: a" + b"\r\n b" * (n // 4) + b"\r\n\r\nx",
    "parameters": lambda n: b"Content-Type: text/plain" + b'; a*0*="x' * (n // 9) + b"\r\n\r\nx",
    "many headers": lambda n: b"X: y\r\n" * (n // 6) + b"\r\nx",
    "references": lambda n: b"References: " + b"<a@b> " * (n // 6) + b"\r\n\r\nx",
    "nested multiparts": lambda n: b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (i, i)
        for i in range(n // 55)
    ),
    "nested messages": lambda n: b"Content-Type: message/rfc822\r\n\r\n" * (n // 33),
    "boundary lines": lambda n: (
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n" * (n // 5)
    ),
    "nearly boundaries": lambda n: (
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--b\r\n" * (n // 5)
    ),
    "blank lines": lambda n: b"Subject: x\r\n\r\n" + b"\r\n" * (n // 2),
    "quote marks": lambda n: b"Subject: x\r\n\r\n" + b"> " * (n // 2),
    "attributions": lambda n: b"Subject: x\r\n\r\n" + b"On 1 a\r\nwrote\r\n" * (n // 15),
    "attribution words": lambda n: b"Subject: x\r\n\r\n" + b"On 1 wrote " * (n // 11) + b":",
    "header blocks": lambda n: b"Subject: x\r\n\r\n" + b"From: a\r\n" * (n // 9),
    "signatures": lambda n: b"Subject: x\r\n\r\n" + b"--\r\n" * (n // 4),
    "sent from": lambda n: b"Subject: x\r\n\r\n" + b"Sent from my a\r\n" * (n // 16),
    "devices": lambda n: b"Subject: x\r\n\r\n" + b"von meinem " * (n // 11),
    "underscores": lambda n: b"Subject: x\r\n\r\n" + b"_" * n,
    "html depth": lambda n: b"Content-Type: text/html\r\n\r\n" + b"<div>" * (n // 5),
    "html brackets": lambda n: b"Content-Type: text/html\r\n\r\n" + b"<" * n,
    "html attributes": lambda n: b"Content-Type: text/html\r\n\r\n<p " + b"a=b " * (n // 4) + b">",
    "html entities": lambda n: b"Content-Type: text/html\r\n\r\n" + b"&lt;" * (n // 4),
    "html tables": lambda n: b"Content-Type: text/html\r\n\r\n" + b"<table><tr><td>" * (n // 15),
    "html lists": lambda n: b"Content-Type: text/html\r\n\r\n" + b"<ul><li>" * (n // 8),
    "html spaces": lambda n: b"Content-Type: text/html\r\n\r\n" + b"<p> &nbsp; " * (n // 11),
    "data picture": lambda n: (
        b'Content-Type: text/html\r\n\r\n<img src="data:image/png;base64,'
        + b"A " * (n // 2)
        + b'">'
    ),
    "styles": lambda n: (
        b'Content-Type: text/html\r\n\r\n<p style="' + b"color:red;" * (n // 10) + b'">'
    ),
    "base64": lambda n: b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=A" * (n // 2),
    "quoted printable": lambda n: b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * n,
    "uuencode": lambda n: b"Content-Transfer-Encoding: uuencode\r\n\r\n" + b"M\n" * (n // 2),
    "punycode": lambda n: b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a" * n,
    "idna": lambda n: b"From: a@" + b"\xc3\xa9." * (n // 3) + b"\r\n\r\nx",
    "utf-7": lambda n: b"Content-Type: text/plain; charset=utf-7\r\n\r\n" + b"+AGE-" * (n // 5),
    "bounce words": lambda n: (
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n--r\r\n"
        b"Content-Type: message/delivery-status\r\n\r\nA: b\r\n\r\n"
        b"Final-Recipient: rfc822; a@b.c\r\nDiagnostic-Code: " + b"user " * (n // 5) + b"\r\n--r--"
    ),
    "subject of daemons": lambda n: (
        b"From: mailer-daemon@a.b\r\nSubject: " + b"no " * (n // 3) + b"\r\n\r\nx"
    ),
    "sender of machines": lambda n: b"From: no-reply" + b"-" * n + b"@a.b\r\n\r\nx",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mails_of_64_kilobytes_are_read_in_linear_time(name: str) -> None:
    raw = HOSTILE[name](64 * 1024)

    def seconds() -> float:
        started = time.process_time()
        read_or_code(raw)
        return time.process_time() - started

    # A neighbour on the machine may slow one reading down; a quadratic one is slow each time.
    assert any(seconds() < 1.0 for _attempt in range(3))


# --- Senders ---


@pytest.mark.parametrize(
    "value",
    [
        "Claire Dubois <claire@example.org>",
        "claire@example.org",
        '"Dubois, Claire" <claire@example.org>',
        "=?utf-8?q?Zo=C3=A9?= <claire@example.org>",
        "claire@example.org (Claire)",
        '"claire@example.org" <Claire@Example.org>',
    ],
)
def test_an_ordinary_sender_is_sound(value: str) -> None:
    mail = reading.read(b"From: " + value.encode() + b"\r\n\r\nx")

    assert mail.is_sender_sound, mail.defects
    assert mail.sender.address == "claire@example.org"


@pytest.mark.parametrize(
    ("headers", "defect"),
    [
        ("From: victim@shop.example <evil@evil.example>", "from_address_in_name"),
        ("From: =?utf-8?q?victim=40shop.example?= <evil@evil.example>", "from_address_in_name"),
        ("From: =?utf-8?q?victim=40shop.example?=", "from_encoded_address"),
        ("From: a@b.example, c@d.example", "from_several"),
        ("From: a@b.example\r\nFrom: c@d.example", "from_repeated"),
        ("From: <a@b.example><c@d.example>", "from_malformed_address"),
        ("From: team: a@b.example;", "from_group"),
        ('From: "Claire <claire@example.org>', "from_unterminated"),
        ("From: <a@b.example", "from_unterminated"),
        ("From: nobody", "from_invalid_address"),
        ("From:", "from_invalid_address"),
        ("From: a@b@c.example", "from_invalid_address"),
        ("From: <a@b.example> c@d.example", "from_malformed_address"),
        ("Subject: none", "from_missing"),
    ],
)
def test_a_sender_that_two_readers_could_understand_differently_is_unsound(
    headers: str, defect: str
) -> None:
    mail = reading.read(headers.encode() + b"\r\n\r\nx")

    assert not mail.is_sender_sound
    assert defect in mail.defects


# --- Text ---


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("gb2312", "你好 龍".encode("gb18030"), "你好 龍"),
        ("ks_c_5601-1987", "안녕 똠".encode("cp949"), "안녕 똠"),
        ("iso-8859-1", "prix 10 € – “oui”".encode("cp1252"), "prix 10 € – “oui”"),
        ("iso-2022-jp", "こんにちは".encode("iso2022_jp"), "こんにちは"),
        ("shift_jis", "①②".encode("cp932"), "①②"),
        ("utf-7", b"+AOk-t+AOk-", "été"),
        ("us-ascii", "été".encode(), "été"),
        ("utf-8", "été".encode("latin-1"), "été"),
        ("x-unknown", "été".encode(), "été"),
        ("nonsense-77", "été".encode("latin-1"), "été"),
        ("", "été".encode("latin-1"), "été"),
        ("punycode", b"abc-def", "abc-def"),
    ],
)
def test_text_is_read_whatever_its_label_says(charset: str, data: bytes, text: str) -> None:
    head = f"From: a@b.example\r\nContent-Type: text/plain; charset={charset}\r\n\r\n".encode()

    assert reading.read(head + data).text == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("=?utf-8?q?=C3=A9t=C3=A9?=", "été"),
        ("=?utf-8?B?w6l0?= =?utf-8?B?w6k=?=", "été"),
        ("=?utf-8?B?w6l0ww==?= =?utf-8?B?qQ==?=", "été"),
        ("=?iso-8859-15?Q?=A4?= 5", "€ 5"),
        ("=?utf-8*fr?q?a_b?=", "a b"),
        ("=?utf-8?x?abc?= d", "=?utf-8?x?abc?= d"),
        ("a =?utf-8?q?unfinished", "a =?utf-8?q?unfinished"),
        ("=?unknown-8bit?q?caf=E9?=", "café"),
    ],
)
def test_encoded_words(written: str, text: str) -> None:
    assert charsets.decode_words(written) == text


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="reçu 1.pdf"', "reçu 1.pdf"),
        ("attachment; filename*=utf-8''re%C3%A7u.pdf", "reçu.pdf"),
        ("attachment; filename*0*=utf-8''re%C3; filename*1*=%A7u; filename*2=.pdf", "reçu.pdf"),
        ('attachment; filename="=?utf-8?q?re=C3=A7u.pdf?="', "reçu.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\temp\\\\a.exe"', "a.exe"),
        ('attachment; filename="a\u202egpj.exe"', "agpj.exe"),
        ("attachment", "attachment-1.pdf"),
        ('attachment; filename="..."', "attachment-1.pdf"),
    ],
)
def test_every_file_has_a_harmless_name(disposition: str, name: str) -> None:
    raw = f"Content-Type: application/pdf\r\nContent-Disposition: {disposition}\r\n\r\nx".encode()

    [item] = reading.read(raw).files

    assert item.name == name


def test_a_forwarded_mail_is_a_file_named_after_its_subject() -> None:
    [item] = reading.read(FORWARD).files

    assert (item.name, item.content_type) == ("inner.eml", "message/rfc822")
    assert b"Subject: inner" in item.data


def test_inline_pictures_are_told_from_files() -> None:
    raw = (
        b"Content-Type: multipart/related; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n"
        b"\r\n<img src='cid:logo'>\r\n"
        b"--x\r\nContent-Type: image/png\r\nContent-ID: <logo>\r\n\r\nPNG\r\n--x--"
    )

    mail = reading.read(raw)

    assert [(f.is_inline, f.content_id, f.name) for f in mail.files] == [
        (True, "logo", "image-1.png")
    ]
    assert 'src="cid:logo"' in mail.html_clean


# --- HTML ---

POLYGLOTS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<iframe src='https://evil.example'></iframe>",
    "<form action='https://evil.example'><input name=a></form>",
    "<style>@import url(https://evil.example)</style>",
    "<p style='background:url(https://evil.example/a)'>x</p>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<base href='https://evil.example'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href='https://evil.example'>",
    "<img srcset='https://evil.example/a 1x' src='https://evil.example/b'>",
    "<table background='https://evil.example/a'><tr><td background='https://evil.example/b'>x</table>",
]


@pytest.mark.parametrize("markup", POLYGLOTS)
def test_nothing_dangerous_and_nothing_remote_survives(markup: str) -> None:
    clean = html.clean(f"<p>before</p>{markup}").markup

    lowered = clean.lower()
    assert "evil.example" not in lowered
    assert "alert(1)" not in lowered or "<script" not in lowered
    assert not any(
        word in lowered
        for word in ("javascript:", "onerror", "onload", "<form", "<iframe", "<style", "data:text")
    )
    assert html.clean(clean).markup == clean


def test_remote_images_are_counted_and_blocked() -> None:
    clean = html.clean(
        "<img src='https://t.example/p.gif' alt='logo'><img src='cid:a'><img src='//t.example/x'>"
    )

    assert clean.blocked_images == 2
    assert "t.example" not in clean.markup
    assert 'alt="logo"' in clean.markup


def test_html_alone_reads_as_text() -> None:
    mail = reading.read(
        b"Content-Type: text/html; charset=utf-8\r\n\r\n"
        b"<style>p{}</style><p>Bonjour,</p><ul><li>un</li><li>deux</li></ul>"
    )

    assert "Bonjour," in mail.text
    assert "* un" in mail.text
    assert "{" not in mail.text


# --- Quotes ---

REPLIES = {
    "gmail fr": (
        "Merci !\n\nLe lun. 2 nov. 2026 à 10:12, Maison <a@b.fr> a écrit :\n\n> Bonjour\n",
        "Merci !",
    ),
    "gmail fr wrapped": (
        "Merci !\n\nLe lun. 2 nov. 2026 à 10:12, Maison <a@b.fr> a\nécrit :\n\n> Bonjour\n",
        "Merci !",
    ),
    "gmail en": (
        "Thanks!\n\nOn Mon, Nov 2, 2026 at 10:12 AM Maison <a@b.fr> wrote:\n\n> Hello\n",
        "Thanks!",
    ),
    "gmail de": (
        "Danke!\n\nAm Mo., 2. Nov. 2026 um 10:12 Uhr schrieb Maison <a@b.fr>:\n\n> Hallo\n",
        "Danke!",
    ),
    "gmail it": (
        "Grazie\n\nIl giorno lun 2 nov 2026 alle ore 10:12 Maison <a@b.it> ha scritto:\n\n> Ciao\n",
        "Grazie",
    ),
    "gmail es": (
        "Gracias\n\nEl lun, 2 nov 2026 a las 10:12, Maison (<a@b.es>) escribió:\n\n> Hola\n",
        "Gracias",
    ),
    "gmail nl": ("Dank\n\nOp ma 2 nov 2026 om 10:12 schreef Maison <a@b.nl>:\n\n> Hoi\n", "Dank"),
    "gmail pt": (
        "Obrigado\n\nEm seg., 2 de nov. de 2026 às 10:12, Maison <a@b.pt> escreveu:\n\n> Oi\n",
        "Obrigado",
    ),
    "outlook fr": (
        "Voici.\n\nDe : M <a@b.fr>\nEnvoyé : lundi\nÀ : c@d.fr\nObjet : Re: x\n\nBonjour",
        "Voici.",
    ),
    "outlook de": (
        "Danke\n\nVon: M <a@b.ch>\nGesendet: Montag\nAn: x@y.ch\nBetreff: AW: x\n\nHallo",
        "Danke",
    ),
    "outlook rule": (
        "ok\n\n______________________\nFrom: M <a@b.ch>\nSent: Monday\nTo: x\nSubject: y\n\nHello",
        "ok",
    ),
    "original": ("ok\n\n-----Message d'origine-----\nDe : M\nEnvoyé : x\n\nold", "ok"),
    "iphone": (
        "Oui\n\nEnvoyé de mon iPhone\n\n> Le 2 nov. 2026 à 10:12, M <a@b.fr> a écrit :\n> \n> Bonjour\n",
        "Oui",
    ),
    "thunderbird": (
        "Oui\n\nLe 02/11/2026 à 10:12, Maison a écrit :\n> Bonjour\n> x\n\n-- \nClaire",
        "Oui",
    ),
    "signature": ("Hello\n\nBye\n-- \nClaire\nTel 12", "Hello\n\nBye"),
    "below the quote": (
        "On 2 Nov 2026, M <a@b.fr> wrote:\n> Which size?\n\nSize 38, please.",
        "Size 38, please.",
    ),
    "between the quotes": ("> Size?\n38\n> Colour?\nred", "> Size?\n38\n> Colour?\nred"),
    "nothing quoted": (
        "On a écrit à votre service :\nrien reçu.",
        "On a écrit à votre service :\nrien reçu.",
    ),
    "from in a sentence": (
        "From: where I stand\nit looks fine.",
        "From: where I stand\nit looks fine.",
    ),
    "only a quote": ("> Bonjour", "> Bonjour"),
}


@pytest.mark.parametrize("name", REPLIES)
def test_what_was_written_now_is_told_from_what_was_quoted(name: str) -> None:
    text, visible = REPLIES[name]

    assert quotes.split(text).visible == visible


# --- Machines and bounces ---


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, ""),
        ({"Auto-Submitted": "no"}, ""),
        ({"Auto-Submitted": "auto-replied"}, "auto_reply"),
        ({"Auto-Submitted": "auto-generated"}, "notification"),
        ({"X-Autoreply": "yes"}, "auto_reply"),
        ({"Precedence": "bulk"}, "notification"),
        ({"Precedence": "auto_reply"}, "auto_reply"),
        ({"Subject": "Réponse automatique : congés"}, "auto_reply"),
        ({"Subject": "Automatische Antwort: Urlaub"}, "auto_reply"),
        ({"Subject": "Question sur votre réponse automatique"}, ""),
        ({"List-Id": "<news.example.org>"}, "list"),
        ({"List-Unsubscribe": "<mailto:x@example.org>"}, "list"),
        ({"From": "no-reply@example.org"}, "notification"),
        ({"From": "noreply-7@example.org"}, "notification"),
        ({"From": "noreen@example.org"}, ""),
        (
            {"From": "MAILER-DAEMON@example.org", "Subject": "Undelivered Mail Returned to Sender"},
            "bounce",
        ),
        ({"From": "postmaster@example.org", "Subject": "Invoice"}, "notification"),
        ({"Return-Path": "<>"}, "notification"),
        ({"Subject": "Undeliverable parcel, where is my order?"}, ""),
    ],
)
def test_machines_are_told_from_people(headers: dict[str, str], kind: str) -> None:
    assert reading.read(mail_bytes(headers=headers)).machine == kind


def test_a_delivery_report_says_who_and_why() -> None:
    mail = reading.read(REPORT)

    assert mail.machine == "bounce"
    assert mail.reported_message_id == "<one@shop.example>"
    [verdict] = mail.bounces
    assert (verdict.recipient, verdict.status, verdict.reply_code) == (
        "gone@example.org",
        "5.1.1",
        "550",
    )
    assert verdict.permanent


@pytest.mark.parametrize(
    ("status", "reason", "is_permanent"),
    [
        ("5.1.1", "550 5.1.1 <a@b> User unknown", True),
        ("5.0.0", "550 no such user here", True),
        ("5.1.2", "Host not found", True),
        ("5.2.2", "552 mailbox full", False),
        ("5.1.1", "550 over quota, mailbox full", False),
        ("5.7.1", "554 message blocked as spam", False),
        ("5.7.26", "550 DMARC policy", False),
        ("4.1.1", "450 user unknown in virtual table", True),
        ("5.3.4", "message too large", False),
        ("5.0.0", "550 rejected", False),
        ("5.2.1", "550 account disabled", True),
    ],
)
def test_only_a_dead_address_is_permanent(status: str, reason: str, is_permanent: bool) -> None:
    assert reasons.is_permanent(status, reason) is is_permanent


# --- Limits and keys ---


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty"),
        (b" \r\n \r\n", "empty"),
        (b"X: " + b"a" * 5_000_000 + b"\r\n\r\nx", "headers_too_large"),
        (b"\r\njust text", "no_headers"),
    ],
)
def test_a_mail_that_cannot_be_read_says_why(raw: bytes, code: str) -> None:
    assert read_or_code(raw) == code


def test_the_same_mail_has_the_same_key_and_another_body_another_one() -> None:
    raw = mail_bytes(message_id="<a@b>")

    assert reading.read(raw).dedupe_key == reading.read(raw.replace(b"\n", b"\r\n")).dedupe_key
    assert reading.read(raw).dedupe_key == reading.read(b"Received: by x\n" + raw).dedupe_key
    assert (
        reading.read(raw).dedupe_key
        != reading.read(mail_bytes(message_id="<a@b>", text="autre")).dedupe_key
    )
