"""What the company knows of some customers besides their orders: drawn from the seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from demo.rules.people import Person, plain
from demo.rules.seasons import awake

# So many of the first customers are known better than by their orders.
KNOWN = 120
PAIRS, MERGES = 12, 2
SIZES = ("XS", "S", "M", "L", "XL")
INTERESTS = ("maille", "lin", "maison", "accessoires", "bijoux")
TAGS = ("VIP", "Presse", "Ambassadrice", "Retours fréquents", "Cliente fidèle", "Blogueuse")
ATTRIBUTES: Sequence[tuple[str, str, str, tuple[str, ...]]] = (
    ("size", "Taille", "choice", SIZES),
    ("children", "Enfants", "number", ()),
    ("interests", "Centres d’intérêt", "list", ()),
    ("private_sales", "Invitée aux ventes privées", "boolean", ()),
    ("wedding_day", "Anniversaire de mariage", "date", ()),
    ("pronunciation", "Prononciation du nom", "string", ()),
)
WORDING = "2026-01"
WORDINGS = {
    "fr": "J’accepte de recevoir les nouveautés et offres de Maison Alba par e-mail. Je peux me"
    " désinscrire à tout moment.",
    "de": "Ich möchte Neuheiten und Angebote von Maison Alba per E-Mail erhalten. Ich kann mich"
    " jederzeit abmelden.",
    "en": "I would like to receive news and offers of Maison Alba by e-mail. I can unsubscribe at any"
    " time.",
}
NOTES = (
    "Préfère être appelée le matin, avant dix heures.",
    "Allergique à la laine mohair : proposer le mérinos.",
    "@{colleague} tu peux la rappeler au sujet de la retouche ?",
    "A demandé un emballage cadeau sans prix pour toutes ses commandes.",
    "Cliente de la boutique depuis l’ouverture, très bon contact.",
    "@{colleague} elle hésite entre deux tailles, merci de regarder ses dernières commandes.",
    "Livraison au bureau uniquement, fermé le vendredi après-midi.",
    "Souhaite être prévenue quand le plaid bivouac revient en bleu nuit.",
)
COMMENTS = (
    "Joli panier, je lui glisse un échantillon.",
    "@{colleague} on la remercie d’un petit mot ?",
    "Deuxième retard du même transporteur cette semaine.",
    "Bien joué, elle était fâchée hier.",
    "@{colleague} à garder à l’œil.",
    "Je m’en occupe demain matin.",
)
OPINIONS = {
    "fr": {
        1: ("Trois semaines d’attente et toujours pas de réponse claire.", ""),
        2: ("Réponse un peu sèche.", "J’ai dû relancer deux fois."),
        3: ("Correct, sans plus.", "", ""),
        4: ("Rapide et précis.", "", "Merci, tout est réglé."),
        5: ("Parfait, merci à Noé !", "Accueil adorable, comme toujours.", "", ""),
    },
    "de": {
        1: ("Niemand hat meine Frage beantwortet.", ""),
        2: ("Erst nach zwei Mahnungen kam eine Antwort.", ""),
        3: ("In Ordnung.", "", ""),
        4: ("Schnell und freundlich.", "", ""),
        5: ("Perfekt, herzlichen Dank!", "Sehr nette Beratung.", "", ""),
    },
    "en": {
        1: ("Nobody read what I wrote.", ""),
        2: ("It took far too long.", ""),
        3: ("It was fine.", ""),
        4: ("Quick and clear.", ""),
        5: ("Wonderful service, thank you!", "", ""),
    },
}
# How requests are rated, from a sad face to a happy one, in percent.
SCORES = (5, 8, 13, 31, 43)
RATED_SHARE = 0.6


@dataclass(frozen=True, kw_only=True, slots=True)
class Twin:
    """Another record of a person, and what the two have in common."""

    person: Person
    email: str
    phone: str
    first_name: str
    last_name: str
    has_address: bool
    birthday: date | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Consented:
    """What somebody answered, step by step: asked, granted or withdrawn, and when."""

    purpose: str
    channel: str
    steps: tuple[tuple[str, datetime], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the company knows of one customer."""

    person: Person
    at: datetime
    values: dict[str, object] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    is_owned: bool = False
    stage: str = ""
    consents: tuple[Consented, ...] = ()
    note: str = ""


def known(people: Sequence[Person], *, today: datetime, seed: int) -> list[Known]:
    """What is known of each of these people."""
    found = []
    for person in people[:KNOWN]:
        chance = Random(f"{seed}:known:{person.number}")
        at = awake(today - timedelta(days=chance.randint(1, 200), minutes=30), chance)
        found.append(
            Known(
                person=person,
                at=at,
                values=_values(chance, today.date()),
                tags=tuple(chance.sample(TAGS, chance.choice((0, 0, 0, 1, 1, 2)))),
                is_owned=chance.random() < 0.12,
                stage=chance.choice(("loyal", "at_risk")) if chance.random() < 0.06 else "",
                consents=_consents(chance, today),
                note=chance.choice(NOTES) if chance.random() < 0.12 else "",
            )
        )
    return found


def _values(chance: Random, today: date) -> dict[str, object]:
    values: dict[str, object] = {}
    if chance.random() < 0.4:
        values["size"] = chance.choice(SIZES)
    if chance.random() < 0.2:
        values["children"] = chance.choice((1, 1, 2, 2, 3))
    if chance.random() < 0.3:
        values["interests"] = sorted(chance.sample(INTERESTS, chance.randint(1, 3)))
    if chance.random() < 0.15:
        values["private_sales"] = chance.random() < 0.8
    if chance.random() < 0.06:
        values["wedding_day"] = today - timedelta(days=chance.randint(400, 9000))
    return values


def _consents(chance: Random, today: datetime) -> tuple[Consented, ...]:
    """Double opt-in in all its states within the last fortnight, and answers through other channels."""
    at = awake(today - timedelta(hours=chance.randint(80, 330)), chance)
    later = at + timedelta(hours=chance.randint(1, 40))
    withdrawn = later + timedelta(hours=chance.randint(1, 30))
    asked, confirmed, left = ("pending", at), ("confirmed", later), ("withdrawn", withdrawn)
    draw = chance.random()
    steps: tuple[tuple[str, datetime], ...] = ()
    if draw < 0.12:
        steps = (asked, confirmed)
    elif draw < 0.17:
        steps = (asked,)
    elif draw < 0.21:
        steps = (asked, confirmed, left)
    found = [Consented(purpose="marketing", channel="email", steps=steps)] if steps else []
    if steps[1:] and chance.random() < 0.5:
        found.append(
            Consented(purpose="open_tracking", channel="email", steps=(("granted", later),))
        )
    if chance.random() < 0.04:
        found.append(Consented(purpose="marketing", channel="sms", steps=(("granted", at),)))
    return tuple(found)


def twins(people: Sequence[Person], *, seed: int) -> list[Twin]:
    """A second record for some of these people: those to be looked at, then those to be merged."""
    chance = Random(f"{seed}:twins")
    chosen = chance.sample(list(people[:KNOWN]), min(PAIRS + MERGES, len(people[:KNOWN])))
    return [_twin(person, number, chance) for number, person in enumerate(chosen)]


def _twin(person: Person, number: int, chance: Random) -> Twin:
    """By turns: a near address, the same name and birthday, the same telephone, the same home."""
    way = number % 4
    local, _at, domain = person.email.partition("@")
    near = f"{local.replace('.', '')}.{chance.randint(60, 99)}@{domain}"
    if way == 0:
        near = f"{local}+alba@{domain}"
    is_short = way == 0 or (way == 2 and person.phone)
    initial = f"{person.first_name[0]}." if is_short else person.first_name
    return Twin(
        person=person,
        email=near if way != 3 else f"{plain(person.last_name)}.{number}@courrier.example",
        phone=person.phone if way == 2 and person.phone else "",
        first_name=initial,
        last_name=person.last_name,
        has_address=way == 3 or (way == 2 and not person.phone),
        birthday=date(1990, 1, 1) + timedelta(days=37 * number) if way == 1 else None,
    )


def rating_of(key: str, language: str, *, seed: int) -> tuple[int, str] | None:
    """What the customer of a finished request thought of it; None when he did not say."""
    chance = Random(f"{seed}:rating:{key}")
    if chance.random() >= RATED_SHARE:
        return None
    score = chance.choices((1, 2, 3, 4, 5), weights=SCORES)[0]
    return score, chance.choice(OPINIONS.get(language, OPINIONS["en"])[score])
