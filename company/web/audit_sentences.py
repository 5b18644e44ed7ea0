"""The audit log in sentences: codes, ids and changes become words of the reader's language."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from string import Formatter
from typing import Any

from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from company import queries
from company.extensions import AuditAction, AuditField, AuditSubject, audit_actions, audit_nouns
from company.models import AuditEntry
from company.types import Agent, ShopInfo

NOTHING = "–"  # noqa: RUF001 - a dash for nothing
UNKNOWN = AuditAction(code="", sentence="{who}: {action} ({target})", group="")


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """Something an entry keeps beyond its sentence."""

    label: str
    text: SafeString


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One entry as the page shows it."""

    entry: AuditEntry
    sentence: SafeString
    details: list[Detail]
    shop: ShopInfo | None


def tell(entries: Iterable[AuditEntry], *, reader: Agent) -> list[Told]:
    """The entries in words; names and links only of what the reader may see."""
    rows = list(entries)
    names = _Names(rows, reader=reader)
    return [_Sentence(entry, names).told() for entry in rows]


class _Names:
    """Everything the entries of one page speak of, fetched with one look-up per noun."""

    def __init__(self, entries: Iterable[AuditEntry], *, reader: Agent) -> None:
        wanted: dict[str, set[str]] = {}
        for entry in entries:
            for noun, id_ in _references(entry):
                wanted.setdefault(noun, set()).add(id_)
        self._found = {
            noun.code: noun.find(reader, wanted[noun.code])
            for noun in audit_nouns.all()
            if noun.code in wanted
        }
        self.shops = {shop.id: shop for shop in queries.all_shops()}

    def subject(self, noun: str, id_: str) -> AuditSubject:
        """What the id names; only its label and number when it is gone or hidden."""
        if known := self._found.get(noun, {}).get(id_):
            return known
        known_noun = audit_nouns.get(noun)
        return AuditSubject(name=_(known_noun.label).format(id=id_) if known_noun else id_ or noun)

    def linked(self, noun: str, id_: str) -> SafeString:
        """The name, as a link to its page if it has one."""
        subject = self.subject(noun, id_)
        if subject.url:
            return format_html('<a href="{}">{}</a>', subject.url, subject.name)
        return format_html("<b>{}</b>", subject.name)


class _Sentence:
    """How one entry is told."""

    def __init__(self, entry: AuditEntry, names: _Names) -> None:
        self._entry = entry
        self._names = names
        self._action = audit_actions.get(entry.action) or UNKNOWN

    def told(self) -> Told:
        """The sentence, and below it what it leaves out."""
        text = _(self._action.sentence)
        said = {name for _text, name, _format, _how in Formatter().parse(text) if name}
        kept = {key: self._part(key, value) for key, value in self._entry.changes.items()}
        words = {
            **dict.fromkeys(said, NOTHING),
            **kept,
            "who": self._who(),
            "what": self._what(),
            "place": self._place(),
            "action": self._entry.action,
            "target": self._entry.target,
        }
        details = [
            Detail(label=self._label(key), text=kept[key])
            for key, value in self._entry.changes.items()
            if key not in said and value not in ("", [], {})
        ]
        return Told(
            entry=self._entry,
            sentence=format_html(text, **words),
            details=details,
            shop=self._shop(),
        )

    def _who(self) -> SafeString:
        if self._entry.actor_id is None:
            return format_html("<b>{}</b>", _("The system"))
        subject = self._names.subject("agent", str(self._entry.actor_id))
        return format_html('<b title="{}">{}</b>', self._entry.actor, subject.name)

    def _what(self) -> SafeString:
        return self._names.linked(*_target(self._entry))

    def _place(self) -> SafeString:
        if self._entry.shop_id is None:
            return conditional_escape(_("in all shops"))
        shop = self._shop()
        name = shop.name if shop else str(self._entry.shop_id)
        return format_html(_("in {shop}"), shop=name)

    def _shop(self) -> ShopInfo | None:
        return self._names.shops.get(self._entry.shop_id or 0)

    def _label(self, key: str) -> str:
        known = self._action.fields.get(key)
        return _(known.label) if known else key.replace("_", " ").capitalize()

    def _part(self, key: str, value: Any) -> SafeString:
        noun = _field(self._action, key).noun
        if not noun:
            return conditional_escape(_value(value))
        parts = ((self._names.linked(noun, id_),) for id_ in _ids(value))
        return format_html_join(", ", "{}", parts)


def _references(entry: AuditEntry) -> Iterable[tuple[str, str]]:
    yield _target(entry)
    if entry.actor_id is not None:
        yield "agent", str(entry.actor_id)
    action = audit_actions.get(entry.action) or UNKNOWN
    for key, value in entry.changes.items():
        if noun := _field(action, key).noun:
            yield from ((noun, id_) for id_ in _ids(value))


def _field(action: AuditAction, key: str) -> AuditField:
    return action.fields.get(key) or AuditField(label="")


def _target(entry: AuditEntry) -> tuple[str, str]:
    noun, _colon, id_ = entry.target.partition(":")
    return noun, id_


def _ids(value: Any) -> Collection[str]:
    return [str(item) for item in value] if isinstance(value, list) else str(value).split()


def _value(value: Any) -> str:
    if isinstance(value, list) and len(value) == 2:  # noqa: PLR2004 - before and after
        before, after = (_plain(side) for side in value)
        return f"{before} → {after}"
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(item)}" for key, item in value.items())
    return NOTHING if value in (None, "") else str(value)
