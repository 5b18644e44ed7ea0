"""What rules mean, said again in plain Python: slow, over all rows, without SQL of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from contacts.models import Ticket
from contacts.rules import UNFINISHED
from ecrm.kernel.models import EventRecord
from orders.models import Order
from profiles.models import (
    Activity,
    AttributeValue,
    Consent,
    ConsentState,
    Figures,
    Identifier,
    PostalAddress,
    Prediction,
    Profile,
    ProfileShop,
    ProfileTag,
    RequestFigures,
    Rfm,
)
from profiles.models.consents import STEP
from profiles.rules import searchable, stages

ZONE = ZoneInfo(settings.TIME_ZONE)
DAY = timedelta(days=1)
Rule = dict[str, Any]


def model_set(rules: Rule, *, at: datetime) -> set[int]:
    """Who fulfils rules."""
    return {person.pk for person in Profile.objects.living() if fulfils(person, rules, at)}


def fulfils(person: Profile, rules: Rule, at: datetime) -> bool:
    if "and" in rules:
        return all(fulfils(person, rule, at) for rule in rules["and"])
    if "or" in rules:
        return any(fulfils(person, rule, at) for rule in rules["or"])
    if "not" in rules:
        return not fulfils(person, rules["not"], at)
    return LEAVES[rules["criterion"]](person, rules, at)


# --- Ways of asking -------------------------------------------------------------------------------


def number(found: Any, rule: Rule) -> bool:
    if rule["operator"] == "is_set":
        return found is not None
    if rule["operator"] == "is_not_set":
        return found is None
    if found is None:
        return False
    value, to = (_plain(rule.get(key)) for key in ("value", "to"))
    return {
        "at_least": lambda: found >= value,
        "at_most": lambda: found <= value,
        "exactly": lambda: found == value,
        "between": lambda: min(value, to) <= found <= max(value, to),
    }[rule["operator"]]()


def _plain(value: Any) -> Decimal | None:
    if value is None:
        return None
    return Decimal(str(value["amount"] if isinstance(value, dict) else value))


def text(found: str, rule: Rule) -> bool:
    known, value = found.lower(), rule.get("value")
    return {
        "is": lambda: bool(found) and known == value.lower(),
        "is_not": lambda: known != value.lower(),
        "one_of": lambda: known in {entry.lower() for entry in value},
        "contains": lambda: value.lower() in known,
        "starts_with": lambda: known.startswith(value.lower()),
        "starts_with_one_of": lambda: any(known.startswith(entry.lower()) for entry in value),
        "is_set": lambda: bool(found),
        "is_not_set": lambda: not found,
    }[rule["operator"]]()


def any_text(found: Iterable[str], rule: Rule) -> bool:
    """At least one is so; a negation says that none is."""
    positive = {"is_not": "is", "is_not_set": "is_set"}.get(rule["operator"])
    if positive:
        return not any_text(found, rule | {"operator": positive})
    return any(text(entry, rule) for entry in found)


def start_of(day: Any) -> datetime:
    day = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime.combine(day, time(), ZONE)


def moment(found: datetime | None, rule: Rule, at: datetime) -> bool:
    if rule["operator"] == "is_set":
        return found is not None
    if rule["operator"] == "is_not_set":
        return found is None
    if found is None:
        return False
    span = timedelta(days=rule.get("days") or 0)
    return {
        "last_days": lambda: at - span < found <= at,
        "before_days": lambda: found <= at - span,
        "next_days": lambda: at < found <= at + span,
        "after": lambda: found >= start_of(rule["value"]),
        "before": lambda: found < start_of(rule["value"]),
    }[rule["operator"]]()


def anniversary(day: date | None, rule: Rule, at: datetime) -> bool:
    if rule["operator"] in ("is_set", "is_not_set"):
        return (day is not None) is (rule["operator"] == "is_set")
    if day is None:
        return False
    today, days = at.astimezone(ZONE).date(), rule["days"]
    steps = range(days + 1) if rule["operator"].endswith("next_days") else range(-days, 0)
    return any(_is_anniversary(day, today + step * DAY) for step in steps)


def _is_anniversary(day: date, other: date) -> bool:
    if (day.month, day.day) == (2, 29) and (other.month, other.day) == (2, 28):
        return (other + DAY).month == 3
    return (day.month, day.day) == (other.month, other.day)


def recent(moments: Iterable[datetime], rule: Rule, at: datetime) -> int:
    days = rule.get("days")
    if days is None:
        return sum(1 for _moment in moments)
    return sum(at - days * DAY < found <= at for found in moments)


def in_window(found: datetime, rule: Rule, at: datetime) -> bool:
    return rule.get("days") is None or at - rule["days"] * DAY < found <= at


# --- Who he is ------------------------------------------------------------------------------------


def age(person: Profile, rule: Rule, at: datetime) -> bool:
    if person.birthday is None:
        return number(None, rule)
    today, years = at.astimezone(ZONE).date(), 0
    day = person.birthday
    while day < today:
        day += DAY
        years += day <= today and _is_anniversary(person.birthday, day)
    return number(years, rule)


def identifier(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = Identifier.objects.filter(profile=person, kind=rule["kind"])
    if rule["operator"] == "has_verified":
        rows = rows.filter(is_verified=True)
    return rows.exists() is (rule["operator"] != "has_not")


def domain(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = Identifier.objects.filter(profile=person, kind="email")
    return any_text([row.value.partition("@")[2] for row in rows], rule)


def address(column: str) -> Leaf:
    def asks(person: Profile, rule: Rule, at: datetime) -> bool:
        rows = PostalAddress.objects.filter(profile=person)
        if rule.get("kind"):
            rows = rows.filter(kind=rule["kind"])
        return any_text(rows.values_list(column, flat=True), rule)

    return asks


def known_to(person: Profile, rule: Rule, at: datetime) -> bool:
    is_known = ProfileShop.objects.filter(profile=person, shop=rule["shop"]).exists()
    return is_known is (rule["operator"] == "has")


def consent(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = ConsentState.objects.filter(
        profile=person,
        channel=rule.get("channel", "email"),
        purpose=rule.get("purpose", "marketing"),
    )
    if rule.get("shop"):
        rows = rows.filter(shop=rule["shop"])
    stands = [(row.answer, Consent.objects.get(pk=row.stand % STEP).answered_at) for row in rows]
    asked, _word, when = rule["operator"].partition("_")
    if asked == "unknown":
        return not stands
    wanted = {"refused": "withdrawn"}.get(asked, asked)
    span = {"lately": "last_days", "long": "before_days"}.get(when)
    return any(
        answer == wanted and (not span or moment(said_at, rule | {"operator": span}, at))
        for answer, said_at in stands
    )


def attribute(column: str) -> Leaf:
    def asks(person: Profile, rule: Rule, at: datetime) -> bool:
        row = AttributeValue.objects.filter(
            profile=person, attribute__key=rule["attribute"]
        ).first()
        found = getattr(row, column) if row else None
        if rule["operator"] in ("is_set", "is_not_set"):
            return (found is not None) is (rule["operator"] == "is_set")
        return ATTRIBUTES[column](found, rule, at)

    return asks


def items(found: list[str] | None, rule: Rule, at: datetime) -> bool:
    have, value = set(found or ()), rule.get("value")
    return {
        "has": lambda: value in have,
        "has_not": lambda: value not in have,
        "one_of": lambda: bool(have & set(value)),
        "all_of": lambda: have >= set(value),
    }[rule["operator"]]()


def day(found: date | None, rule: Rule, at: datetime) -> bool:
    if rule["operator"].startswith("returns_"):
        return anniversary(found, rule, at)
    return moment(start_of(found) if found else None, rule, at)


ATTRIBUTES: dict[str, Callable[[Any, Rule, datetime], bool]] = {
    "text": lambda found, rule, at: text(found or "", rule),
    "number": lambda found, rule, at: number(found, rule),
    "boolean": lambda found, rule, at: found is (rule["operator"] == "yes"),
    "day": day,
    "items": items,
}


def tag(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = ProfileTag.objects.filter(profile=person)
    have = list(rows.values_list("tag__key", flat=True))
    if rule["operator"] in ("is_set", "is_not_set"):
        return bool(have) is (rule["operator"] == "is_set")
    value = rule["value"]
    folded = [e.lower() for e in value] if isinstance(value, list) else value.lower()
    return items(have, rule | {"value": folded}, at)


def _shops(person: Profile, rule: Rule) -> list[ProfileShop]:
    rows = ProfileShop.objects.filter(profile=person)
    return list(rows.filter(shop=rule["shop"]) if rule.get("shop") else rows)


def stage(person: Profile, rule: Rule, at: datetime) -> bool:
    found = []
    for row in _shops(person, rule):
        figures = Figures.objects.filter(profile=person, shop=row.shop, orders_count__gt=0)
        orders = sum(f.orders_count for f in figures)
        last = max((f.last_order_at for f in figures), default=None)
        found.append(row.stage or stages.stage_of(orders, last_order_at=last, at=at))
    return any_text(found, rule)


def owner(person: Profile, rule: Rule, at: datetime) -> bool:
    return any_text([str(row.owner_id or "") for row in _shops(person, rule)], rule)


def mark(column: str) -> Leaf:
    def asks(person: Profile, rule: Rule, at: datetime) -> bool:
        rows = Rfm.objects.filter(profile=person)
        return number(max((getattr(row, column) for row in rows), default=None), rule)

    return asks


def value(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = list(Prediction.objects.filter(profile=person))
    if "value" in rule:
        rows = [row for row in rows if row.currency == rule["value"]["currency"]]
    return number(sum(row.value for row in rows) if rows else None, rule)


def churn(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = Prediction.objects.filter(profile=person)
    return number(min((row.churn * 100 for row in rows), default=None), rule)


def next_order(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = Prediction.objects.filter(profile=person, next_order_on__isnull=False)
    found = min((row.next_order_on for row in rows), default=None)
    return moment(start_of(found) if found else None, rule, at)


# --- What he did ----------------------------------------------------------------------------------


def figures(person: Profile, rule: Rule) -> list[Figures]:
    rows = Figures.objects.filter(profile=person, orders_count__gt=0)
    currency = rule["value"]["currency"] if isinstance(rule.get("value"), dict) else None
    return [row for row in rows if currency is None or row.currency == currency]


def basket(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = figures(person, rule)
    count = sum(row.orders_count for row in rows)
    return number(sum(row.revenue for row in rows) / count if count else None, rule)


def first_order(person: Profile, rule: Rule) -> datetime | None:
    return min((row.first_order_at for row in figures(person, rule)), default=None)


def last_order(person: Profile, rule: Rule) -> datetime | None:
    return max((row.last_order_at for row in figures(person, rule)), default=None)


def order_day(person: Profile, rule: Rule, at: datetime) -> bool:
    found = first_order(person, rule)
    return anniversary(found.astimezone(ZONE).date() if found else None, rule, at)


def days_between(person: Profile, rule: Rule, at: datetime) -> bool:
    count = sum(row.orders_count for row in figures(person, rule))
    if count < 2:
        return number(None, rule)
    span = last_order(person, rule) - first_order(person, rule)
    return number(Decimal(str(span.total_seconds())) / 86400 / (count - 1), rule)


def requests(person: Profile, rule: Rule, at: datetime) -> bool:
    return number(
        sum(r.requests_count for r in RequestFigures.objects.filter(profile=person)), rule
    )


def last_request(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = RequestFigures.objects.filter(profile=person, last_request_at__isnull=False)
    return moment(max((row.last_request_at for row in rows), default=None), rule, at)


def has_property(document: dict[str, Any], rule: Rule) -> bool:
    if not rule.get("property"):
        return True
    found = document.get(rule["property"])
    if rule.get("is") is None:
        return found is not None
    how, wanted = rule.get("how") or "is", rule["is"]
    if how == "is_not":
        return found is None or str(found) != wanted
    if found is None:
        return False
    return {
        "is": lambda: str(found) == wanted,
        "contains": lambda: wanted.lower() in str(found).lower(),
        "at_least": lambda: Decimal(str(found)) >= Decimal(wanted),
        "at_most": lambda: Decimal(str(found)) <= Decimal(wanted),
    }[how]()


def events(person: Profile, rule: Rule) -> list[EventRecord]:
    rows = EventRecord.objects.filter(profile_id=person.pk, name=rule["event"])
    return [row for row in rows if has_property(row.payload, rule)]


def happened(person: Profile, rule: Rule, at: datetime) -> bool:
    return number(recent([row.occurred_at for row in events(person, rule)], rule, at), rule)


def event_sum(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = [row for row in events(person, rule) if in_window(row.occurred_at, rule, at)]
    return number(sum(Decimal(str(row.payload.get(rule["sum_of"]) or 0)) for row in rows), rule)


def deeds(person: Profile, rule: Rule, name: str) -> list[Activity]:
    rows = Activity.objects.filter(profile_id=person.pk, name=name)
    wanted = [row for row in rows if not rule.get("sku") or row.sku == rule["sku"]]
    return sorted(wanted, key=lambda row: row.occurred_at)


def done(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = [r for r in deeds(person, rule, rule["event"]) if has_property(r.properties, rule)]
    return number(recent([row.occurred_at for row in rows], rule, at), rule)


def deed_sum(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = [
        row
        for row in deeds(person, rule, rule["event"])
        if has_property(row.properties, rule) and in_window(row.occurred_at, rule, at)
    ]
    name = rule.get("sum_of")
    return number(
        sum(Decimal(str((row.properties.get(name) if name else row.value) or 0)) for row in rows),
        rule,
    )


def funnel(person: Profile, rule: Rule, at: datetime) -> bool:
    within = rule["within"] * DAY
    steps = [rule[key] for key in ("then", "finally") if rule.get(key)]
    for first in deeds(person, {}, rule["event"]):
        begun = first.occurred_at
        if begun > at or not in_window(begun, rule, at):
            continue
        reached: datetime | None = begun
        for step in steps:
            later = [row.occurred_at for row in deeds(person, {}, step)]
            fitting = [m for m in later if reached and reached < m <= min(begun + within, at)]
            reached = min(fitting, default=None)
        if rule["operator"] == "did" and reached:
            return True
        if rule["operator"] == "stopped" and not reached and begun <= at - within:
            return True
    return False


def orders(person: Profile, rule: Rule) -> list[Order]:
    rows = Order.objects.filter(profile=person)
    if rule.get("status"):
        return list(rows.filter(status=rule["status"]))
    return list(rows.exclude(status="cancelled"))


def bought(person: Profile, rule: Rule, at: datetime) -> bool:
    def fits(line: Any) -> bool:
        return all(
            not rule.get(key) or getattr(line, key).lower() == rule[key].lower()
            for key in ("category", "brand")
        ) and (not rule.get("sku") or line.sku == rule["sku"])

    rows = [row for row in orders(person, rule) if any(fits(line) for line in row.lines.all())]
    return number(recent([row.placed_at for row in rows], rule, at), rule)


def placed(person: Profile, rule: Rule, at: datetime) -> bool:
    return number(recent([row.placed_at for row in orders(person, rule)], rule, at), rule)


def spent(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = [row for row in orders(person, rule) if in_window(row.placed_at, rule, at)]
    currency = rule["value"]["currency"]
    paid = [row.grand_total - row.refunded_total for row in rows if row.currency == currency]
    return number(sum(paid), rule)


def discounted(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = [
        row
        for row in orders(person, rule)
        if any(d.get("code") == rule["code"] for d in row.document.get("discounts") or ())
    ]
    return number(recent([row.placed_at for row in rows], rule, at), rule)


def viewed_not_bought(person: Profile, rule: Rule, at: datetime) -> bool:
    for view in deeds(person, rule, "product-viewed"):
        if not view.sku or view.occurred_at > at or not in_window(view.occurred_at, rule, at):
            continue
        if not any(
            view.occurred_at <= order.placed_at <= at
            and any(line.sku == view.sku for line in order.lines.all())
            for order in orders(person, {})
        ):
            return True
    return False


def open_request(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = Ticket.objects.filter(profile_id=person.pk, state__in=UNFINISHED)
    return rows.exists() is (rule["operator"] == "has")


def tickets(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = Ticket.objects.filter(profile_id=person.pk)
    return number(recent(rows.values_list("opened_at", flat=True), rule, at), rule)


def satisfaction(person: Profile, rule: Rule, at: datetime) -> bool:
    rows = RequestFigures.objects.filter(profile=person, ratings_count__gt=0)
    count = sum(row.ratings_count for row in rows)
    return number(Decimal(sum(row.ratings_sum for row in rows)) / count if count else None, rule)


Leaf = Callable[[Profile, Rule, datetime], bool]
LEAVES: dict[str, Leaf] = {
    "profile.name": lambda p, rule, at: text(p.search_name, _searchable(rule)),
    "profile.country": lambda p, rule, at: text(p.country, rule),
    "profile.city": lambda p, rule, at: text(p.city, rule),
    "profile.language": lambda p, rule, at: text(p.locale.split("-")[0], rule),
    "profile.locale": lambda p, rule, at: text(p.locale, rule),
    "profile.gender": lambda p, rule, at: text(p.gender, rule),
    "profile.source": lambda p, rule, at: text(p.source, rule),
    "profile.birthday": lambda p, rule, at: anniversary(p.birthday, rule, at),
    "profile.age": age,
    "profile.first_seen": lambda p, rule, at: moment(p.first_seen_at, rule, at),
    "profile.last_seen": lambda p, rule, at: moment(p.last_seen_at, rule, at),
    "profile.shop": known_to,
    "profile.tag": tag,
    "profile.stage": stage,
    "profile.owner": owner,
    "identifier.present": identifier,
    "identifier.email_domain": domain,
    "address.country": address("country"),
    "address.region": address("region"),
    "address.postcode": address("postcode"),
    "address.city": address("city"),
    "consent.marketing": consent,
    "consent.stand": consent,
    "attribute.string": attribute("text"),
    "attribute.number": attribute("number"),
    "attribute.boolean": attribute("boolean"),
    "attribute.date": attribute("day"),
    "attribute.list": attribute("items"),
    "attribute.choice": attribute("text"),
    "rfm.recency": mark("recency"),
    "rfm.frequency": mark("frequency"),
    "rfm.monetary": mark("monetary"),
    "prediction.value": value,
    "prediction.churn": churn,
    "prediction.next_order": next_order,
    "figures.orders": lambda p, r, at: number(sum(f.orders_count for f in figures(p, r)), r),
    "figures.revenue": lambda p, r, at: number(sum(f.revenue for f in figures(p, r)), r),
    "figures.average_basket": basket,
    "figures.first_order": lambda p, rule, at: moment(first_order(p, rule), rule, at),
    "figures.last_order": lambda p, rule, at: moment(last_order(p, rule), rule, at),
    "figures.order_day": order_day,
    "figures.days_between": days_between,
    "figures.requests": requests,
    "figures.last_request": last_request,
    "event.happened": happened,
    "event.sum": event_sum,
    "activity.done": done,
    "activity.sum": deed_sum,
    "activity.funnel": funnel,
    "orders.bought": bought,
    "orders.placed": placed,
    "orders.spent": spent,
    "orders.discount_code": discounted,
    "orders.viewed_not_bought": viewed_not_bought,
    "contacts.open_request": open_request,
    "contacts.requests": tickets,
    "contacts.satisfaction": satisfaction,
}


def _searchable(rule: Rule) -> Rule:
    value = rule.get("value")
    if isinstance(value, list):
        return rule | {"value": [searchable(entry) for entry in value]}
    return rule | {"value": searchable(value)} if value else rule
