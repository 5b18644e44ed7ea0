"""What the pages of templates show: the list, one template with its draft, and somebody to try it on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Prefetch
from django.utils.translation import gettext as _

from company import queries as company
from company.types import ShopInfo
from messaging import extensions
from messaging.extensions import BuiltInTemplate, TemplateWording, Variable
from messaging.models import MessageTemplate, TemplateVersion
from messaging.queries import templates
from messaging.templating import compiling
from messaging.templating.faults import Fault
from messaging.types import Rendered, TemplateRef
from profiles import queries as profiles
from profiles.types import ProfileCard

PEOPLE: Final = 20
COMMON: Final = frozenset({"shop", "customer", "links", "language"})


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateRow:
    """One line of the list: a template of a shop, its own or the built-in one."""

    shop: ShopInfo
    key: str
    name: str
    purpose: str
    description: str
    languages: tuple[str, ...]
    is_built_in: bool
    published: TemplateVersion | None
    draft: TemplateVersion | None

    @property
    def changed_at(self) -> datetime | None:
        """When somebody last wrote at it."""
        latest = self.draft or self.published
        return latest.changed_at if latest else None


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateState:
    """A template before an author: what stands, what is being written, and what came before."""

    shop: ShopInfo
    key: str
    name: str
    purpose: str
    row: MessageTemplate | None
    built_in: BuiltInTemplate | None
    draft: TemplateVersion | None
    published: TemplateVersion | None
    history: tuple[TemplateVersion, ...]
    wordings: Mapping[str, TemplateWording]

    @property
    def roots(self) -> frozenset[str]:
        """The names under which data are given to it."""
        variables = self.built_in.variables if self.built_in else ()
        return COMMON | {variable.path.partition(".")[0] for variable in variables}


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """A template filled for somebody, or why it could not be; and what to mind."""

    label: str
    mail: Rendered | None
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def rows(shop_ids: Iterable[int]) -> list[TemplateRow]:
    """Every template of these shops in use, built-in ones first. Two queries."""
    wanted = frozenset(shop_ids)
    versions = TemplateVersion.objects.prefetch_related("texts").order_by("-number")
    kept = {
        (row.shop_id, row.key): row
        for row in MessageTemplate.objects.in_use()
        .visible_in(wanted)
        .prefetch_related(Prefetch("versions", queryset=versions))
        .order_by("name", "pk")
    }
    found: list[TemplateRow] = []
    for shop in sorted((company.shop(shop_id) for shop_id in wanted), key=lambda s: (s.name, s.id)):
        built_in = sorted(extensions.templates.all(), key=lambda part: (part.order, part.key))
        keys = [part.key for part in built_in]
        own = [key for shop_id, key in kept if shop_id == shop.id and key not in keys]
        found += [_row(shop, key, kept.get((shop.id, key))) for key in [*keys, *own]]
    return found


def _row(shop: ShopInfo, key: str, kept: MessageTemplate | None) -> TemplateRow:
    built_in = extensions.templates.get(key)
    versions = list(kept.versions.all()) if kept else []
    draft = next((v for v in versions if v.published_at is None), None)
    published = next((v for v in versions if kept and v.pk == kept.published_id), None)
    shown = published or (None if built_in else draft)
    languages = (
        {text.language for text in shown.texts.all()}
        if shown
        else set(built_in.wordings() if built_in else ())
    )
    return TemplateRow(
        shop=shop,
        key=key,
        name=str(built_in.name) if built_in else (kept.name if kept else key),
        purpose=built_in.purpose if built_in else (kept.purpose if kept else ""),
        description=str(built_in.description) if built_in else "",
        languages=tuple(sorted(languages)),
        is_built_in=built_in is not None,
        published=published,
        draft=draft,
    )


def state(shop_id: int, key: str) -> TemplateState | None:
    """One template as its author sees it; None when the shop has none of this key. Four queries."""
    row = MessageTemplate.objects.filter(shop_id=shop_id, key=key).first()
    built_in = extensions.templates.get(key)
    if row is None and built_in is None:
        return None
    versions = (
        list(row.versions.select_related("changed_by").order_by("-number"))
        if row is not None
        else []
    )
    draft = next((v for v in versions if v.published_at is None), None)
    published = next((v for v in versions if row and v.pk == row.published_id), None)
    shown = draft or published
    ref = TemplateRef(shop_id=shop_id, key=key, version_id=shown.pk if shown else None)
    return TemplateState(
        shop=company.shop(shop_id),
        key=key,
        name=str(built_in.name) if built_in else (row.name if row else key),
        purpose=built_in.purpose if built_in else (row.purpose if row else ""),
        row=row,
        built_in=built_in,
        draft=draft,
        published=published,
        history=tuple(v for v in versions if v.published_at is not None),
        wordings=templates.wordings(ref),
    )


def variables(state: TemplateState) -> list[Variable]:
    """The values an author can insert, the most used first."""
    return [
        Variable(path="customer.first_name", label=_("First name")),
        Variable(path="customer.last_name", label=_("Last name")),
        Variable(path="customer.email", label=_("E-mail address")),
        *(state.built_in.variables if state.built_in else ()),
        Variable(path="shop.name", label=_("Name of the shop")),
        Variable(path="shop.support_email", label=_("Address of the shop")),
        Variable(path="links.preferences", label=_("Page of his preferences")),
        Variable(path="links.unsubscribe", label=_("Link to unsubscribe")),
    ]


def blocks(state: TemplateState) -> list[extensions.ContentBlock]:
    """The content blocks whose data this template is given."""
    return [block for block in extensions.blocks.all() if block.root in state.roots]


def people(shop_id: int) -> list[ProfileCard]:
    """The customers met last, to try a template on. Three queries."""
    return profiles.best_matches("", shop_ids=[shop_id], limit=PEOPLE)


def preview(state: TemplateState, wording: TemplateWording, *, profile_id: int | None) -> Preview:
    """The wording filled with a real customer's data, or its faults with their lines."""
    sources = templates.block_sources(wording.language)
    faults = tuple(compiling.faults(wording, blocks=sources))
    if faults:
        return Preview(label="", mail=None, faults=faults, warnings=())
    label, data = example(state, wording.language, profile_id=profile_id)
    warnings = tuple(compiling.unknown_names(wording, state.roots | data.keys()))
    try:
        shop = templates.shop_values(state.shop)
        mail = compiling.compiled(wording, shop=shop, blocks=sources).render(data)
    except templates.TemplateFaulty as faulty:
        return Preview(label=label, mail=None, faults=faulty.faults, warnings=warnings)
    return Preview(label=label, mail=mail, faults=(), warnings=warnings)


def example(
    state: TemplateState, language: str, *, profile_id: int | None
) -> tuple[str, dict[str, Any]]:
    """A real customer's data under a name for it; made-up ones where the shop has no customer yet."""
    links = {"preferences": "#", "unsubscribe": "#" if state.purpose == "marketing" else ""}
    base: dict[str, Any] = {"links": links, "language": language}
    if state.built_in is not None:
        found = state.built_in.sample(state.shop.id, profile_id, language)
        found = found or state.built_in.sample(state.shop.id, None, language)
        if found is not None:
            return found.label, {**base, **found.data}
    if profile_id is not None and profiles.is_known_to(profile_id, [state.shop.id]):
        details, card = profiles.details_of(profile_id), profiles.card(profile_id)
        values = templates.customer_values(
            first_name=details["first_name"], last_name=details["last_name"], email=card.email
        )
        return card.name, {**base, "customer": values}
    values = templates.customer_values(
        first_name="Camille", last_name="Martin", email="camille@example.org"
    )
    return values["name"], {**base, "customer": values}
