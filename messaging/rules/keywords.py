"""What a customer orders by one word in an SMS: no more of them, or again."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

Order = Literal["", "stop", "start"]

_WORDS: Final = {
    "stop": "stop stopp stopper stoppen stopall stopsms arret arreter arretez desabonner"
    " desabonnement desinscrire desinscription unsubscribe abmelden abbestellen afmelden baja parar",
    "start": "start starten unstop demarrer reprendre reprise",
    "polite": "sms pub publicite publicites marketing promo merci svp s il vous te plait bitte danke"
    " please thanks thank you grazie gracias all alle alles tout tous les au le la de now jetzt",
}
_STOP: Final = frozenset(_WORDS["stop"].split())
_START: Final = frozenset(_WORDS["start"].split())
_POLITE: Final = frozenset(_WORDS["polite"].split())
"""What may stand beside the word without changing what it means."""
_WORD: Final = re.compile(r"[^\W_]+")


def order_of(text: str) -> Order:
    """What the text orders, "" for an ordinary message.

    Case, accents, spaces between the letters, punctuation, short codes and thanks do not matter. Any other
    word makes it an ordinary message ("Stop, I ordered the wrong size"). Who says both wants no more.
    """
    words = _words(text)
    others = [word for word in words if word not in _STOP | _START | _POLITE and not word.isdigit()]
    if others:
        return ""
    if not _STOP.isdisjoint(words):
        return "stop"
    return "start" if not _START.isdisjoint(words) else ""


def _words(text: str) -> list[str]:
    decomposed = unicodedata.normalize("NFKD", text[:500])
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    words = _WORD.findall(bare.casefold().replace("\u200b", ""))
    if len(words) > 1 and all(len(word) == 1 for word in words):
        return ["".join(words)]
    return words
