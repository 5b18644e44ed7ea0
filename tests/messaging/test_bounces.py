"""Delivery failures as the mail systems of the world tell them, by report (RFC 3464) and in prose."""

from __future__ import annotations

import pytest

from messaging.mime import reading
from messaging.mime.bounces import Bounce

GONE = "gone@customer.example"
RETURNED = "Return-Path: <service@shop.example>\nFrom: service@shop.example\nTo: {}\nSubject: Commande\n\nBonjour"


def notice(text, *, sender="MAILER-DAEMON@mx.example", subject="failure notice", headers=""):
    head = f"From: {sender}\nTo: service@shop.example\nSubject: {subject}\nDate: Sun, 22 Nov 2026 10:00:00 +0000"
    return f"{head}\nMessage-ID: <n1@mx.example>\n{headers}\n{text}\n".encode()


def report(block, *, text="Sorry.", kind="multipart/report; report-type=delivery-status"):
    return (
        f"From: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: service@shop.example\n"
        f"Subject: Undelivered Mail Returned to Sender\nContent-Type: {kind}; boundary=b\n\n"
        f"--b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{block}\n"
        f"--b\nContent-Type: message/rfc822\n\n{RETURNED.format(GONE)}\n--b--\n"
    ).encode()


def told(raw) -> list[Bounce]:
    mail = reading.read(raw)
    assert mail.machine == "bounce"
    return mail.bounces


PROSE = {
    "qmail": (
        "Hi. This is the qmail-send program at mx.example.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        f"<{GONE}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        f"--- Below this line is a copy of the message.\n\n{RETURNED.format('other@x.example')}",
        ("5.1.1", "", True),
    ),
    "qmail, remote host": (
        "Hi. This is the qmail-send program at mx.example.\n\n"
        f"<{GONE}>:\n192.0.2.7 does not like recipient.\n"
        "Remote host said: 550 5.2.2 Mailbox full\nGiving up on 192.0.2.7.\n\n"
        f"--- Below this line is a copy of the message.\n\n{RETURNED.format(GONE)}",
        ("5.2.2", "550", False),
    ),
    "exim": (
        "This message was created automatically by mail delivery software.\n\n"
        "A message that you sent could not be delivered to one or more of its\n"
        "recipients. This is a permanent error. The following address(es) failed:\n\n"
        f"  {GONE}\n    SMTP error from remote mail server after RCPT TO:<{GONE}>:\n"
        "    host mx.antispam.example [192.0.2.7]: 550 unknown user\n\n"
        f"------ This is a copy of the message, including all the headers. ------\n\n{RETURNED.format(GONE)}",
        ("", "550", True),
    ),
    "exim, too long": (
        "This message was created automatically by mail delivery software.\n"
        "A message that you have sent could not be delivered to one or more recipients.\n\n"
        f"  {GONE}\n    retry timeout exceeded\n\n"
        f"------ This is a copy of the message, including all the headers. ------\n{RETURNED.format(GONE)}",
        ("", "", False),
    ),
    "sendmail": (
        "The original message was received at Sun, 22 Nov 2026 10:00:00 GMT from shop.example [192.0.2.1]\n\n"
        f"   ----- The following addresses had permanent fatal errors -----\n<{GONE}>\n"
        "    (reason: 550 5.1.1 <gone@customer.example>... User unknown)\n\n"
        "   ----- Transcript of session follows -----\n... while talking to mx.customer.example.:\n"
        f">>> DATA\n<<< 550 5.1.1 <{GONE}>... User unknown\n550 5.1.1 <{GONE}>... User unknown",
        ("5.1.1", "550", True),
    ),
    "postfix without a report": (
        "This is the Postfix program at host mx.example.\n\nI'm sorry to have to inform you that your message "
        "could not\nbe delivered to one or more recipients. It's attached below.\n\n"
        "For further assistance, please send mail to <postmaster>\n\n\t\t\tThe Postfix program\n\n"
        f"<{GONE}>: host mx.customer.example[192.0.2.7] said: 450 4.2.0\n    <{GONE}>: Recipient address\n"
        "    rejected: Greylisted, see http://postgrey.example/help (in reply to RCPT TO command)",
        ("4.2.0", "450", False),
    ),
    "gmail": (
        "Delivery to the following recipient failed permanently:\n\n     gone@customer.example\n\n"
        "Technical details of permanent failure: \nGoogle tried to deliver your message, but it was rejected by "
        "the recipient domain.\nThe error that the other server returned was: 550 550 5.1.1 User doesn't exist "
        "(state 14).\n\n----- Original message -----\n\nMIME-Version: 1.0\nReceived: by 192.0.2.9",
        ("5.1.1", "550", True),
    ),
    "exchange": (
        "Your message did not reach some or all of the intended recipients.\n\n      Subject:\tCommande\n"
        "      Sent:\t22/11/2026 10:00\n\nThe following recipient(s) could not be reached:\n\n"
        f"      {GONE} on 22/11/2026 10:00\n            The e-mail account does not exist at the organization "
        "this message was sent to. Check the e-mail address, or contact the recipient directly.\n"
        "            <mx.customer.example #5.1.1>",
        ("5.1.1", "", True),
    ),
    "notes": (
        f"------- Failure Reasons  --------\n\nUser not listed in public Name & Address Book\n{GONE}\n\n"
        f"------- Returned Message --------\n\n{RETURNED.format('other@x.example')}",
        ("", "", True),
    ),
    "yahoo": (
        "Sorry, we were unable to deliver your message to the following address.\n\n"
        f"<{GONE}>:\nRemote host said: 554 delivery error: dd This user doesn't have a customer.example account "
        f"({GONE}) [0] - mta1.customer.example [BODY]\n\n--- Below this line is a copy of the message.\n",
        ("", "554", True),
    ),
    "courier": (
        "This is a delivery status notification from mx.example,\nrunning the Courier mail server.\n\n"
        "                           UNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be "
        f"delivered:\n\n<{GONE}>:\n    mx.customer.example [192.0.2.7]:\n>>> RCPT TO:<{GONE}>\n"
        f"<<< 552 sorry, that recipient's mailbox is over quota\n\n"
        "If your message was also sent to additional recipients, their delivery\nstatus is not included.",
        ("", "552", False),
    ),
    "imail": (f"Unknown user: {GONE}\n\n\nOriginal message follows.\n\n{RETURNED.format(GONE)}", ("", "", True)),
    "german": (
        "Diese Nachricht wurde automatisch vom Mailserver erstellt.\nDie folgende Adresse konnte nicht erreicht "
        f"werden:\n\n{GONE}\n    550 Empfänger unbekannt\n",
        ("", "550", True),
    ),
    "french": (
        f"Votre message n'a pas pu être remis au destinataire suivant :\n\n{GONE}\nL'adresse n'existe pas.\n",
        ("", "", True),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(PROSE))
def test_a_notice_in_prose_names_the_recipient_and_the_reason(name):
    text, (status, code, is_permanent) = PROSE[name]

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
    text = f"Your mail was not delivered.\nWrite to hotline@provider.example.\n\n  {GONE}\n    550 No such user\n"

    found = told(notice(text, headers=f"X-Failed-Recipients: {GONE}\n", subject="Mail"))

    assert [bounce.recipient for bounce in found] == [GONE]


def test_a_report_under_any_name_is_believed_before_the_prose():
    block = f"Final-Recipient: rfc822; {GONE}\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 552 5.2.2 Full"

    [bounce] = told(report(block, kind="multipart/mixed", text=f"<{GONE}>: user unknown"))

    assert (bounce.status, bounce.reply_code, bounce.permanent) == ("5.2.2", "552", False)


def test_a_report_without_a_reason_takes_it_from_the_prose():
    block = f"Final-Recipient: rfc822; {GONE}\nAction: failed\nStatus: 5.0.0"

    [bounce] = told(report(block, text=f"<{GONE}>: host mx said: 550 5.1.1 No such user here"))

    assert (bounce.status, bounce.permanent) == ("5.1.1", True)
    assert "No such user" in bounce.reason


def test_a_delay_is_never_permanent():
    block = f"Final-Recipient: rfc822; {GONE}\nAction: delayed\nStatus: 4.1.1\nDiagnostic-Code: smtp; User unknown"

    [bounce] = told(report(block))

    assert bounce.permanent is False


def test_a_person_who_forwards_a_notice_is_no_machine():
    inner = notice(PROSE["qmail"][0]).decode()
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
