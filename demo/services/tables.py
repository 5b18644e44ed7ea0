"""Two tables of customers that the owner brought along: one is imported, one waits for her word."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Event

from company.types import Agent
from demo.rules.people import Person
from profiles.services import imports, imports_working

FEWEST = 60
OWNER = "alba@maison-alba.example"
SHOP = "alba-fr"
HEAD = ("E-mail", "Prénom", "Nom", "Code postal", "Ville")
LOYAL = 24
# Who left a card at a fair; two can't be read.
FAIR = (
    ("aurore.teissier@atelier.example", "Aurore", "Teissier", "69004", "Lyon"),
    ("benoit.carlier@", "Benoît", "Carlier", "59000", "Lille"),
    ("coralie.blanchet@lilo.example", "Coralie", "Blanchet", "44000", "Nantes"),
    ("", "Delphine", "Roussel", "35000", "Rennes"),
    ("emeric.vasseur@courriel.example", "Émeric", "Vasseur", "67000", "Strasbourg"),
    ("fanny.delorme@lilo.example", "Fanny", "Delorme", "33000", "Bordeaux"),
)


def write_tables(
    people: Sequence[Person],
    *,
    shop_ids: Mapping[str, int],
    agents: Mapping[str, Agent],
    today: datetime,
) -> None:
    """Import what the loyal customers said of themselves, and have the cards of a fair checked."""
    if len(people) < FEWEST:
        return
    shop_id, by = shop_ids[SHOP], agents[OWNER]
    loyal = [
        (person.email, person.first_name, person.last_name, person.postcode, person.city)
        for person in people
        if person.shop == SHOP
    ][:LOYAL]
    at = today - timedelta(days=9)
    import_id = _checked("clientes-fidelite.csv", loyal, shop_id=shop_id, by=by, at=at)
    imports.start_import(import_id, by=by, at=at)
    imports_working.work(Event(), at=at)
    _checked("salon-du-textile.csv", FAIR, shop_id=shop_id, by=by, at=today - timedelta(hours=2))


def _checked(
    name: str, rows: Iterable[Sequence[str]], *, shop_id: int, by: Agent, at: datetime
) -> int:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([HEAD, *rows])
    content = text.getvalue().encode()
    row = imports.receive_import(
        name, file=io.BytesIO(content), size=len(content), shop_id=shop_id, by=by, at=at
    )
    imports.prepare_import(
        row.pk,
        columns=row.options["guessed"],
        options={**row.options, "known": "complete", "country": "FR"},
        by=by,
    )
    imports_working.work(Event(), at=at)
    return row.pk
