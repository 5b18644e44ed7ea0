"""Writing what the demo company knows of its customers: attributes, tags, consents, notes, doubles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

from company.types import Agent
from demo.rules.knowing import (
    ATTRIBUTES,
    COMMENTS,
    PAIRS,
    WORDING,
    WORDINGS,
    Consented,
    Known,
    Twin,
    known,
    twins,
)
from demo.rules.people import Person
from demo.services.newsletter import write_newsletter
from demo.services.privacy import write_privacy
from demo.services.segments import write_segments
from profiles import queries as profile_queries
from profiles import services as profiles
from profiles.queries import attributes as attribute_queries
from profiles.queries import consents as consent_queries
from profiles.queries import wall as wall_queries
from profiles.services import attributes, care, consents, finding, notes, standings, tags, wall
from profiles.types import Address, Identity

AUTHOR = "margaux@maison-alba.example"
COLLEAGUE = "noe@maison-alba.example"
COMMENTED = 6


def write_knowledge(
    people: Sequence[Person],
    *,
    shop_ids: Mapping[str, int],
    agents: Mapping[str, Agent],
    today: datetime,
    seed: int,
) -> None:
    """Everything that is known of these people, as it became known."""
    _define(today)
    ids = {person.number: _profile_of(person) for person in people}
    for facts in known(people, today=today, seed=seed):
        profile_id = ids[facts.person.number]
        if profile_id is not None:
            _tell(profile_id, facts, shop_id=shop_ids[facts.person.shop], agents=agents)
    _meet_twins(people, ids, shop_ids=shop_ids, agents=agents, today=today, seed=seed)
    _comment(agents, today=today, seed=seed)
    standings.score(at=today)
    care.move_stages(at=today)
    invited = [pk for pk in list(ids.values())[::7] if pk is not None]
    write_segments(invited, agents=agents, author=AUTHOR, today=today)
    seconds = {twin.person.number for twin in twins(people, seed=seed)}
    alone = [pk for number, pk in ids.items() if pk is not None and number not in seconds]
    write_newsletter(alone, today=today, seed=seed)
    write_privacy(alone, agents=agents, today=today)


def _define(today: datetime) -> None:
    defined = {attribute.key for attribute in attribute_queries.all_definitions()}
    for key, label, kind, choices in ATTRIBUTES:
        if key not in defined:
            attributes.define_attribute(
                label, key=key, kind=kind, choices=choices, by=None, at=today
            )


def _profile_of(person: Person) -> int | None:
    return profile_queries.find_by_email(person.email)


def _tell(profile_id: int, facts: Known, *, shop_id: int, agents: Mapping[str, Agent]) -> None:
    author, at = agents[AUTHOR], facts.at
    if facts.values:
        attributes.set_attributes(profile_id, values=facts.values, source="form", by=None, at=at)
    if facts.tags:
        tags.change_tags(profile_id, add=facts.tags, by=author, at=at)
    if facts.is_owned:
        care.set_owner(profile_id, shop_id=shop_id, owner_id=author.pk, by=author, at=at)
    if facts.stage:
        care.fix_stage(profile_id, shop_id=shop_id, stage=facts.stage, by=author, at=at)
    for answer in facts.consents:
        _answer(profile_id, facts.person, answer, shop_id=shop_id)
    if facts.note:
        text = facts.note.format(colleague=agents[COLLEAGUE].name)
        notes.write_note(profile_id, text=text, by=author, at=at)


def _answer(profile_id: int, person: Person, answer: Consented, *, shop_id: int) -> None:
    question = 0
    for step, at in answer.steps:
        if step == "confirmed":
            if consent_queries.asked(question) is None:
                return  # an order of the same day said more
            consents.confirm(consent_queries.token_of(question), ip="203.0.113.9", at=at)
            continue
        question = consents.record(
            profile_id,
            shop_id=shop_id,
            channel=answer.channel,
            purpose=answer.purpose,
            answer=step,
            evidence=consents.Evidence(
                source="link" if step == "withdrawn" else "form",
                version=WORDING if step != "withdrawn" else "",
                text=WORDINGS[person.language] if step != "withdrawn" else "",
                language=person.language if step != "withdrawn" else "",
                address=person.email,
                ip="203.0.113.9",
            ),
            at=at,
        )


# --- Doubles --------------------------------------------------------------------------------------


def _meet_twins(
    people: Sequence[Person],
    ids: Mapping[int, int | None],
    *,
    shop_ids: Mapping[str, int],
    agents: Mapping[str, Agent],
    today: datetime,
    seed: int,
) -> None:
    """A second record of some people: most wait in the queue, two were merged and one came back."""
    met = today - timedelta(days=9)
    merged: list[tuple[int, int]] = []
    waiting: list[int] = []
    for number, twin in enumerate(twins(people, seed=seed)):
        own = ids[twin.person.number]
        if own is None:
            continue
        shop_id = shop_ids[twin.person.shop]
        other = _meet(twin, shop_id=shop_id, at=met + timedelta(hours=number))
        _tell_the_first(twin, shop_id=shop_id, at=met)
        if number < PAIRS:
            waiting += [own, other]
        else:
            merged.append((other, own))
    finding.compare_again(waiting, at=today)
    for number, (other, own) in enumerate(merged):
        at = today - timedelta(days=4, hours=number)
        merge = profiles.merge(other, into=own, by=agents[AUTHOR], at=at)
        if number:
            profiles.undo_merge(merge.pk, by=agents[AUTHOR], at=at + timedelta(hours=2))


def _meet(twin: Twin, *, shop_id: int, at: datetime) -> int:
    person = twin.person
    identity = Identity(
        email=twin.email,
        first_name=twin.first_name,
        last_name=twin.last_name,
        locale=person.locale,
        country=person.country,
        city=person.city,
        birthday=twin.birthday,
        addresses=(_home(person),) if twin.has_address else (),
        is_proven=True,
    )
    profile_id = profiles.resolve(identity, shop_id=shop_id, source="form", at=at).profile_id
    if twin.phone:
        told = Identity(email=twin.email, phone=twin.phone, is_proven=True)
        profiles.resolve(told, shop_id=shop_id, source="form", at=at)
    return profile_id


def _tell_the_first(twin: Twin, *, shop_id: int, at: datetime) -> None:
    """The shop's account knows the same birthday or home."""
    person = twin.person
    identity = Identity(
        email=person.email,
        customer_id=person.customer_id,
        birthday=twin.birthday,
        addresses=(_home(person),) if twin.has_address else (),
        is_proven=True,
    )
    profiles.resolve(identity, shop_id=shop_id, source="api", at=at)


def _home(person: Person) -> Address:
    return Address(
        kind="shipping",
        line1=person.line1,
        postcode=person.postcode,
        city=person.city,
        country=person.country,
    )


# --- The wall -------------------------------------------------------------------------------------


def _comment(agents: Mapping[str, Agent], *, today: datetime, seed: int) -> None:
    """A few words of colleagues under the latest facts."""
    chance = Random(f"{seed}:wall")
    author, colleague = agents[AUTHOR], agents[COLLEAGUE]
    facts = list(wall_queries.facts_for(author, kind="orders").values_list("pk", flat=True)[:40])
    chosen = sorted(chance.sample(facts, min(COMMENTED, len(facts))), reverse=True)
    for number, (fact_id, text) in enumerate(zip(chosen, COMMENTS, strict=False)):
        by, other = (author, colleague) if number % 2 == 0 else (colleague, author)
        at = today - timedelta(minutes=5 + 7 * number)
        wall.comment(fact_id, text=text.format(colleague=other.name), by=by, at=at)
