"""Delivery failures as the mail systems of the world tell them, by report (RFC 3464) and in prose."""

from __future__ import annotations

from pathlib import Path

import pytest

from messaging.mime import reading
from messaging.mime.bounces import Bounce

GONE = "gone@customer.example"
FAILED = f"Final-Recipient: rfc822; {GONE}\nAction: failed"
RETURNED = f"From: service@shop.example\nTo: {GONE}\nSubject: Commande\n\nBonjour"


def notice(text, *, sender="MAILER-DAEMON@mx.example", subject="failure notice", headers=""):
    head = (
        f"From: {sender}\nTo: service@shop.example\nSubject: {subject}\nMessage-ID: <n1@mx.example>"
    )
    return f"{head}\n{headers}\n{text}\n".encode()


def report(block, *, text="Sorry.", kind="multipart/report; report-type=delivery-status"):
    return (
        f"From: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: service@shop.example\n"
        f"Subject: Undelivered Mail Returned to Sender\nContent-Type: {kind}; boundary=b\n\n"
        f"--b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{block}\n"
        f"--b\nContent-Type: message/rfc822\n\n{RETURNED}\n--b--\n"
    ).encode()


def told(raw) -> list[Bounce]:
    mail = reading.read(raw)
    assert mail.machine == "bounce"
    return mail.bounces


NOTICES = Path(__file__).parent / "notices"


@pytest.mark.parametrize(
    ("name", "status", "code", "is_permanent"),
    [
        ("qmail", "5.1.1", "", True),
        ("qmail-remote-host", "5.2.2", "550", False),
        ("exim", "", "550", True),
        ("exim-too-long", "", "", False),
        ("sendmail", "5.1.1", "550", True),
        ("postfix-without-a-report", "4.2.0", "450", False),
        ("gmail", "5.1.1", "550", True),
        ("exchange", "5.1.1", "", True),
        ("notes", "", "", True),
        ("yahoo", "", "554", True),
        ("courier", "", "552", False),
        ("imail", "", "", True),
        ("german", "", "550", True),
        ("french", "", "", True),
    ],
)
def test_a_notice_in_prose_names_the_recipient_and_the_reason(name, status, code, is_permanent):
    text = (NOTICES / f"{name}.txt").read_text(encoding="utf-8")

    [bounce] = told(notice(text, headers='Content-Type: text/plain; charset="utf-8"\n'))

    assert bounce.recipient == GONE
    assert (bounce.status, bounce.reply_code, bounce.permanent) == (status, code, is_permanent)
    assert bounce.reason


def test_several_recipients_of_one_notice_have_their_own_reasons():
    text = (
        "Hi. This is the qmail-send program at mx.example.\n\n"
        "<a@customer.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        "<b@customer.example>:\nuser is over quota (#4.2.2)\n\n"
        "--- Below this line is a copy of the message.\n\nTo: c@customer.example\n"
    )

    found = told(notice(text))

    assert [(bounce.recipient, bounce.permanent) for bounce in found] == [
        ("a@customer.example", True),
        ("b@customer.example", False),
    ]


def test_the_recipients_a_header_names_are_the_only_ones():
    text = f"Not delivered.\nWrite to hotline@provider.example.\n\n  {GONE}\n    550 No such user\n"

    found = told(notice(text, headers=f"X-Failed-Recipients: {GONE}\n", subject="Mail"))

    assert [bounce.recipient for bounce in found] == [GONE]


def test_a_report_under_any_name_is_believed_before_the_prose():
    block = f"{FAILED}\nStatus: 5.0.0\nDiagnostic-Code: smtp; 552 5.2.2 Full"

    [bounce] = told(report(block, kind="multipart/mixed", text=f"<{GONE}>: user unknown"))

    assert (bounce.status, bounce.reply_code, bounce.permanent) == ("5.2.2", "552", False)


def test_a_report_without_a_reason_takes_it_from_the_prose():
    block = f"{FAILED}\nStatus: 5.0.0"

    [bounce] = told(report(block, text=f"<{GONE}>: host mx said: 550 5.1.1 No such user here"))

    assert (bounce.status, bounce.permanent) == ("5.1.1", True)
    assert "No such user" in bounce.reason


def test_a_delay_is_never_permanent():
    block = f"Final-Recipient: rfc822; {GONE}\nAction: delayed\nStatus: 4.1.1\nDiagnostic-Code: x; unknown"

    [bounce] = told(report(block))

    assert bounce.permanent is False


def test_a_person_who_forwards_a_notice_is_no_machine():
    inner = notice((NOTICES / "qmail.txt").read_text(encoding="utf-8")).decode()
    raw = (
        "From: Ana <ana@customer.example>\nTo: service@shop.example\nSubject: Fwd: failure notice\n"
        "Content-Type: multipart/mixed; boundary=f\n\n--f\n\nC'est quoi ?\n"
        f"--f\nContent-Type: message/rfc822\n\n{inner}\n--f--\n"
    ).encode()

    mail = reading.read(raw)

    assert mail.machine == ""
    assert mail.bounces == []


def test_an_answering_machine_with_a_null_path_is_no_bounce():
    raw = notice(
        "Je ne travaille plus ici, écrivez à paul@customer.example. This address no longer works.",
        sender="Ana <ana@customer.example>", subject="Réponse automatique : Commande",
        headers="Return-Path: <>\nAuto-Submitted: auto-replied\n",
    )  # fmt: skip

    assert reading.read(raw).machine == "auto_reply"
