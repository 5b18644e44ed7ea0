"""A copy of everything we know of a person, for the person: JSON for programs, a page to read, his files."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import override

from company import queries as company
from company.services import record_audit
from ecrm.kernel.errors import DomainError
from profiles import queries
from profiles.extensions.privacy import Personal, Processing, Subject, processings
from profiles.models import PrivacyRequest, Profile
from profiles.queries import privacy
from profiles.rules import deadlines

if TYPE_CHECKING:
    from company.types import Agent

FORMAT = "ecrm.access-copy/1"
JSON_FILE, PAGE_FILE, FILES_FOLDER = "data.json", "data.html", "files"
CHUNK = 256


class NotYoursToHandOut(DomainError):
    """A shop in which the agent may not export customers knows this one too, or none does."""

    code = "not_yours_to_hand_out"


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """A copy that was asked for and written down; its content is read while it is sent."""

    request_id: int
    subject: Subject
    language: str
    made_at: datetime
    controllers: Sequence[str]


@transaction.atomic
def prepare(profile_id: int, *, by: Agent | None, source: str, at: datetime | None = None) -> Copy:
    """Write down that the customer gets a copy of his data, and open it. A merged profile means its survivor.

    Raises NotYoursToHandOut and Profile.DoesNotExist; leaves a line in the audit log.
    """
    moment = at or now()
    survivor_id = queries.survivor(profile_id)
    profile = Profile.objects.get(pk=survivor_id)
    shop_ids = queries.shops_of(survivor_id)
    require_right(by, shop_ids=shop_ids)
    row = _answered(profile, shop_ids, by=by, source=source, at=moment)
    record_audit(
        action="profiles.profile-handed-out",
        target=f"profile:{survivor_id}",
        by=by,
        changes={"request": row.pk},
        at=moment,
    )
    return Copy(
        request_id=row.pk,
        subject=privacy.subject_of(survivor_id, at=moment),
        language=_language(profile.locale),
        made_at=moment,
        controllers=[company.shop(shop_id).name for shop_id in shop_ids],
    )


@transaction.atomic
def ask_access(
    profile_id: int, *, by: Agent | None, received_at: datetime, source: str
) -> PrivacyRequest:
    """Write down that a customer wants to know what we have; to be answered within a month.

    Raises NotYoursToHandOut.
    """
    survivor_id = queries.survivor(profile_id)
    shop_ids = queries.shops_of(survivor_id)
    require_right(by, shop_ids=shop_ids)
    return PrivacyRequest.objects.create(
        kind=PrivacyRequest.Kind.ACCESS,
        profile_id=survivor_id,
        shop_ids=shop_ids,
        source=source,
        agent_id=by.pk if by else None,
        received_at=received_at,
        due_at=deadlines.answer_by(received_at),
    )


def files(copy: Copy) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Every file of the copy with its content, piece by piece."""
    yield JSON_FILE, as_json(copy)
    yield PAGE_FILE, as_page(copy)
    for item in privacy.declared():
        if item.files is not None:
            for name, body in item.files(copy.subject):
                yield f"{FILES_FOLDER}/{_safe(name)}", iter((body,))


def as_zip(copy: Copy) -> Iterator[bytes]:
    """All files in one archive, sent while it is made: no length of history fills the memory."""
    sink = _Sink()
    with zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, parts in files(copy):
            with archive.open(name, "w") as entry:
                for part in parts:
                    entry.write(part)
                    yield from sink.taken()
    yield from sink.taken()


def as_json(copy: Copy) -> Iterator[bytes]:
    """The copy for programs, in a structure that stays (docs/how-to/answer-a-gdpr-request.md)."""
    return _speaking(copy.language, _json(copy))


def as_page(copy: Copy) -> Iterator[bytes]:
    """The copy to read, in the customer's language, without anything from the network."""
    return _speaking(copy.language, _page(copy))


# --- Pieces ---------------------------------------------------------------------------------------


def _speaking(language: str, parts: Iterator[bytes]) -> Iterator[bytes]:
    """The parts, each made in this language; whoever sends them meanwhile keeps his own."""
    while True:
        with override(language):
            part = next(parts, None)
        if part is None:
            return
        yield part


def _json(copy: Copy) -> Iterator[bytes]:
    head = json.dumps(_head(copy), ensure_ascii=False, indent=1)
    yield (head[: head.rindex("}")].rstrip() + ',\n "data": {').encode()
    for number, item in enumerate(_told()):
        lead = "," if number else ""
        title = json.dumps(str(item.label), ensure_ascii=False)
        yield f'{lead}\n  "{item.key}": {{"label": {title}, "rows": ['.encode()
        yield from _rows_as_json(item, copy.subject)
        yield b"]}"
    yield b"\n }\n}\n"


def _page(copy: Copy) -> Iterator[bytes]:
    yield _render("head", {"copy": copy, "processings": _processings()})
    for processing in _processings():
        yield _render("processing", {"processing": processing})
        for item in _told():
            if item.processing == processing.key:
                yield from _section(item, copy.subject)
    yield _render("foot", {"untold": [item for item in privacy.declared() if item.untold]})


def _answered(
    profile: Profile, shop_ids: list[int], *, by: Agent | None, source: str, at: datetime
) -> PrivacyRequest:
    """The open request for access of this customer, answered now, or one made for it."""
    waiting = PrivacyRequest.objects.open().filter(profile=profile, kind=PrivacyRequest.Kind.ACCESS)
    row = waiting.order_by("id").first() or PrivacyRequest(
        kind=PrivacyRequest.Kind.ACCESS,
        profile=profile,
        shop_ids=shop_ids,
        source=source,
        received_at=at,
        due_at=deadlines.answer_by(at),
    )
    row.state, row.answered_at, row.is_decided = PrivacyRequest.State.DONE, at, True
    row.agent_id = by.pk if by else None
    row.save()
    return row


def _head(copy: Copy) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "made_at": copy.made_at.isoformat(),
        "language": copy.language,
        "request": copy.request_id,
        "controllers": list(copy.controllers),
        "profiles": list(copy.subject.profile_ids),
        "processings": [
            {
                "key": processing.key,
                "label": str(processing.label),
                "purpose": str(processing.purpose),
                "legal_basis": str(processing.basis),
                "kept": str(processing.period),
                "recipients": str(processing.recipients),
                "data": [item.key for item in _told() if item.processing == processing.key],
            }
            for processing in _processings()
        ],
        "not_handed_out": {
            item.key: {"label": str(item.label), "why": str(item.untold)}
            for item in privacy.declared()
            if item.untold
        },
    }


def _told() -> list[Personal]:
    order = {processing.key: number for number, processing in enumerate(_processings())}
    found = [item for item in privacy.declared() if item.columns]
    return sorted(found, key=lambda item: order.get(item.processing, 0))


def _processings() -> list[Processing]:
    return sorted(processings.all(), key=lambda processing: (processing.order, processing.key))


def _rows_as_json(item: Personal, subject: Subject) -> Iterator[bytes]:
    for number, row in enumerate(privacy.rows(item, subject)):
        lead = "," if number else ""
        yield f"{lead}\n   {json.dumps(row, default=_plain, ensure_ascii=False)}".encode()


def _section(item: Personal, subject: Subject) -> Iterator[bytes]:
    """The rows of one kind as a table, some hundred at a time."""
    headings = [str(label) for _expression, label in item.columns.values()]
    is_empty = True
    for rows in _chunks(privacy.rows(item, subject)):
        if is_empty:
            yield _render("open", {"label": item.label, "headings": headings})
            is_empty = False
        cells = [[_in_words(value) for value in row.values()] for row in rows]
        yield _render("rows", {"rows": cells})
    if not is_empty:
        yield _render("close", {})


def _chunks(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _render(part: str, context: Mapping[str, Any]) -> bytes:
    name = f"profiles/privacy/copy.html#{part}"
    return render_to_string(name, dict(context)).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else repr(value)


def _in_words(value: Any) -> str:
    if not isinstance(value, bool) and value in (None, "", [], {}):
        return ""
    for kind, put in _WORDS:
        if isinstance(value, kind):
            return put(value)
    return str(value)


def _list_in_words(value: list[Any]) -> str:
    is_plain = all(isinstance(entry, str) for entry in value)
    return ", ".join(value) if is_plain else _pretty(value)


def _pretty(value: Any) -> str:
    return json.dumps(value, default=_plain, ensure_ascii=False, indent=2)


# The first kind that fits: a moment is a day too, and a yes a number.
_WORDS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, lambda value: _("yes") if value else _("no")),
    (datetime, lambda value: date_format(localtime(value), "DATETIME_FORMAT")),
    (date, lambda value: date_format(value, "DATE_FORMAT")),
    (Decimal, lambda value: f"{value.normalize():f}"),
    (list, _list_in_words),
    (dict, _pretty),
)


def _language(locale: str) -> str:
    known = {code for code, _name in settings.LANGUAGES}
    wish = locale.partition("-")[0].lower()
    return wish if wish in known else settings.LANGUAGE_CODE


def _safe(name: str) -> str:
    plain = PurePosixPath(name.replace("\\", "/")).name
    return plain if plain.strip(". ") else "file"


def require_right(by: Agent | None, *, shop_ids: Sequence[int]) -> None:
    """Raises NotYoursToHandOut unless the agent may export customers in each of these shops."""
    if by is None:
        return
    allowed = company.shop_ids(by, privacy.EXPORT)
    if not shop_ids or not set(shop_ids) <= allowed:
        raise NotYoursToHandOut(
            _("A shop knows this customer in which you may not export. Ask a colleague who may.")
        )


class _Sink:
    """Where an archive is written to, and taken from piece by piece."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        self._position += len(part)
        return len(part)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing waits anywhere."""

    def taken(self) -> Iterator[bytes]:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        yield from parts
