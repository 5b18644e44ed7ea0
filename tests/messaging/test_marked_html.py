"""What mail programs mark in HTML: history, quotes, signatures; and answers inside quotes."""

from __future__ import annotations

import pytest

from messaging.mime import quotes, reading
from tests.messaging.factories import mail_bytes

WRITTEN = "Merci, M."
OLD = "Quelle taille ?"
HISTORIES = {
    "gmail": f'<div class="gmail_quote"><div class="gmail_attr">Xyz ab 2026<br></div>'
    f'<blockquote class="gmail_quote">{OLD}</blockquote></div>',
    "yahoo": f'<div id="yahoo_quoted_12" class="yahoo_quoted"><div>Zzz</div><div>{OLD}</div></div>',
    "outlook on the web": f'<div id="divRplyFwdMsg"><b>Xxx:</b> Shop</div><div>{OLD}</div>',
    "outlook that quotes itself": f'<hr><div id="x_divRplyFwdMsg">Xxx</div><div>{OLD}</div>',
    "outlook on a phone": f'<div id="mail-editor-reference-message-container">{OLD}</div>',
    "outlook on a mac": f'<span id="OLK_SRC_BODY_SECTION"><div>Xxx</div>{OLD}</span>',
    "thunderbird": f'<div class="moz-cite-prefix">Xxx<br></div><blockquote type="cite">{OLD}'
    "</blockquote>",
    "apple": f'<br><blockquote type="cite"><div>Xxx</div><div>{OLD}</div></blockquote>',
    "zimbra": f'<hr id="zwchr" data-marker="__DIVIDER__"><div>{OLD}</div>',
    "proton": f'<div class="protonmail_quote">Xxx<br><blockquote type="cite">{OLD}</blockquote></div>',
    "gmx": f'<div name="quote">Xxx<div>{OLD}</div></div>',
}
SIGNATURES = {
    "gmail": '<div class="gmail_signature">Anna Muster<br>Lausanne</div>',
    "thunderbird": '<pre class="moz-signature">Anna Muster</pre>',
    "outlook": '<div id="Signature"><p>Anna Muster</p><p>Lausanne</p></div>',
    "apple": '<div id="AppleMailSignature"><div>Anna Muster</div></div>',
}


def read(markup: str):
    return reading.read(
        b"From: a@b.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + markup.encode()
    )


@pytest.mark.parametrize("program", HISTORIES)
def test_the_history_begins_where_the_program_says_it(program):
    mail = read(f"<div>{WRITTEN}</div>{HISTORIES[program]}")

    assert mail.visible_text == WRITTEN
    assert OLD in mail.quoted_text
    assert OLD in mail.text
    assert not set(mail.text) & set("\ufdd0\ufdd1\ufdd2\ufdd3\ufdd4")


@pytest.mark.parametrize("program", SIGNATURES)
def test_a_marked_signature_is_not_what_the_person_wrote(program):
    mail = read(f"<div>{WRITTEN}</div>{SIGNATURES[program]}")

    assert mail.visible_text == WRITTEN
    assert "Anna Muster" in mail.text


def test_who_writes_into_his_signature_is_heard():
    assert read('<div id="Signature">Oui, la bleue.</div>').visible_text == "Oui, la bleue."


def test_an_answer_below_a_marked_quote_is_found():
    mail = read(
        f'<div class="moz-cite-prefix">Xxx</div><blockquote type="cite">{OLD}</blockquote>'
        f"<p>{WRITTEN}</p>"
    )

    assert mail.visible_text == WRITTEN


@pytest.mark.parametrize(
    ("above", "gap"), [("", "\n"), ("", "\n\n"), ("Voir plus bas.\n\n", "\n\n")]
)
def test_no_answer_between_quotes_is_lost(above, gap):
    text = (
        f"{above}Le 02/11/2026 à 10:12, Shop a écrit :\n"
        f"> Quelle taille ?{gap}La M.{gap}> Quelle couleur ?{gap}La bleue.\n"
    )

    visible = quotes.split(text).visible

    assert [line for line in visible.splitlines() if line and not line.startswith(">")] == [
        *([above.strip()] if above else []),
        "La M.",
        "La bleue.",
    ]
    assert "> Quelle couleur ?" in visible


def test_a_quote_that_was_wrapped_on_its_way_is_no_answer():
    text = (
        "Merci.\n\nOn Mon, 2 Nov 2026, Shop wrote:\n> a line that some program wrapped\n"
        "badly\n> and the next one\n"
    )

    assert quotes.split(text).visible == "Merci."


def test_the_words_of_a_text_that_is_signed_in_itself_are_without_its_armour():
    text = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nBonjour\n- -- et merci\n\n"
        "-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n"
    )

    assert quotes.split(text).visible == "Bonjour\n-- et merci"


@pytest.mark.parametrize(
    "line",
    ["Skickat från min iPhone", "Wysłane z iPhone'a", "iPhoneから送信", "Sendt fra min iPad"],
)
def test_what_a_telephone_writes_below_is_known_in_more_languages(line):
    assert quotes.split(f"Merci.\n\n{line}").visible == "Merci."


def test_a_text_of_many_marks_is_split_in_linear_time():
    assert quotes.split("--\n" * 300_000).visible
    assert read(mail_bytes().decode() + "<table><tr>" + "<td>x</td>" * 100_000).text
