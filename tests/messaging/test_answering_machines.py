"""Answering machines that show themselves by their words only, and people who write the same words."""

from __future__ import annotations

import pytest

from messaging.mime import reading
from tests.messaging.factories import mail_bytes


def machine_of(subject: str, text: str) -> str:
    return reading.read(mail_bytes(subject=subject, text=text)).machine


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Re: Order", "I am out of the office until Monday with limited access to email."),
        ("Absence", "Je suis absente jusqu'au 12 novembre. En cas d'urgence : 01 02 03 04 05."),
        ("[Absence] Commande", "Je suis en congés jusqu'au 12 novembre."),
        ("Re: Commande", "Je suis absent. Votre message ne sera pas transféré."),
        ("Bestellung", "Ich bin bis 12.11. nicht im Büro. Ihre E-Mail wird nicht weitergeleitet."),
        ("Urlaub", "Ich bin bis zum 12. im Urlaub, in dringenden Fällen hilft Frau Meier."),
        ("Re: Ordine", "Sono in ferie fino al 12. Vi risponderò al mio rientro."),
        ("Ausente: Pedido", "Estaré fuera de la oficina hasta el 12."),
        ("Re: Encomenda", "Estou de férias. Responderei após o meu regresso."),
        ("Re: Bestelling", "Ik ben met vakantie. Uw mail wordt niet doorgestuurd."),
        ("Frånvaro", "Jag är på semester till den 12. Vid brådskande ärenden ring växeln."),
        ("Re: Zamówienie", "Jestem na urlopie. Odpowiem na wiadomość po powrocie."),
        ("AUTO: Anna Muster est absente. (retour 12/11/2026)", "x"),
        ("Anna Muster is out of the office.", "I will return on Monday."),
        ("Anna Muster ist außer Haus.", "x"),
        ("Automatyczna odpowiedź: Zamówienie", "x"),
        ("Автоматический ответ: Заказ", "x"),
    ],
)
def test_who_says_that_he_is_away_and_what_becomes_of_the_mail_is_a_machine(subject, text):
    assert machine_of(subject, text) == "auto_reply"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Mon colis", "Je suis absente jusqu'au 12, merci de livrer après."),
        ("Return", "I am on holiday until Friday and will send the parcel back on my return."),
        ("Absence lors de la livraison", "J'étais absent. Repassez mardi."),
        ("Urlaub: kann ich später zahlen?", "Ich bin im Urlaub. Kann ich später zahlen?"),
        ("Absence", "Je suis absente mardi. En cas d'urgence, pouvez-vous appeler mon mari ?"),
        ("Auto: pièce détachée", "Bonjour, je cherche une pièce."),
        ("Re: Automatic reply: Your order", "I am back. I still want the refund."),
        ("Vacation dress", "I am away at the sea, so please send it there."),
    ],
)
def test_a_person_who_tells_of_his_holidays_is_none(subject, text):
    assert machine_of(subject, text) == ""


def test_the_quoted_words_of_a_machine_are_not_those_of_who_answers_it():
    text = "I am back, please resend.\n\n> I am out of the office with limited access to email.\n"

    assert machine_of("Re: Order", text) == ""


def test_a_report_that_lost_its_parts_on_the_way_is_still_one():
    kind = "multipart/report; report-type=disposition-notification; boundary=gone"
    head = "From: a@b.example\r\nSubject: Gelesen\r\nContent-Type: " + kind

    assert reading.read(f"{head}\r\n\r\nGelesen am 2.11.".encode()).machine == "auto_reply"
