"""How the mail programs of Europe open the history they quote."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from messaging.mime import quotes

ATTRIBUTIONS = (
    (Path(__file__).parent / "attributions.txt").read_text(encoding="utf-8").split("\n%%\n")
)
WRITTEN = "Bonjour,\n\nMerci pour la réponse.\nAna"
HISTORY = "> Votre colis est parti.\n> Service\n"


@pytest.mark.parametrize("attribution", ATTRIBUTIONS, ids=lambda text: text[:40].replace("\n", " "))
@pytest.mark.parametrize("is_marked", [True, False], ids=["marked", "bare"])
def test_the_history_begins_where_a_program_says_who_wrote_when(attribution, is_marked):
    text = f"{WRITTEN}\n\n{attribution}\n\n{HISTORY}"
    if not is_marked:
        text = re.sub(r"(?m)^> ", "", text)

    parts = quotes.split(text)

    assert parts.visible == WRITTEN
    assert "Votre colis est parti." in parts.quoted


@pytest.mark.parametrize(
    "text",
    [
        "Bonjour, le 2 novembre j'ai écrit :\npas de réponse.",
        "Le 12 nov. j'ai reçu un mail de vous qui disait :\n- a\n- b\nMerci",
        "On Monday you wrote: no refund.\nI disagree.",
        "De : Lyon\nÀ : Paris\nmon colis est perdu",
        "Date: demain\nÀ: midi\nObjet: rendez-vous, je confirme",
        "From: my heart, thanks\nDate: never",
    ],
)
def test_what_a_person_writes_in_such_words_stays_visible(text):
    assert quotes.split(text).visible == text
