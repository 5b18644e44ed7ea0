"""Reads: which shops exist, who may do what in them, and the rows of the settings pages."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from datetime import time as clock
from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.utils.timezone import now

from company import rules
from company.extensions import api_scopes, permissions
from company.models import (
    Agent,
    AgentQuerySet,
    ApiKey,
    AuditEntry,
    AuditHead,
    ExceptionalDay,
    Grant,
    Invitation,
    OpeningCalendar,
    Role,
    Shop,
    Team,
)
from company.types import Agent as Actor
from company.types import AgentInfo, ShopInfo
from ecrm.kernel.prepared import Rows, Statement
from ecrm.kernel.verify import invariant

# --- Shops ----------------------------------------------------------------------------------------

SHOPS_ARE_FRESH_FOR_SECONDS = 5.0


@dataclass(slots=True)
class _ShopCache:
    """The few shops of an installation, kept by each process for seconds."""

    by_id: dict[int, ShopInfo] = field(default_factory=dict)
    loaded_at: float = float("-inf")

    def load(self) -> dict[int, ShopInfo]:
        self.by_id = {shop.pk: shop.info for shop in Shop.objects.all()}
        self.loaded_at = time.monotonic()
        return self.by_id

    def fresh(self) -> dict[int, ShopInfo]:
        if time.monotonic() - self.loaded_at > SHOPS_ARE_FRESH_FOR_SECONDS:
            return self.load()
        return self.by_id


_cache = _ShopCache()


def forget_shops() -> None:
    """Make the next read see the database; services call it after each change of a shop."""
    _cache.loaded_at = float("-inf")


def shop(shop_id: int) -> ShopInfo:
    """The shop, at most a few seconds old. Raises KeyError when there is none of this id."""
    return _cache.fresh().get(shop_id) or _cache.load()[shop_id]


def shop_by_slug(slug: str) -> ShopInfo | None:
    """The shop of this short name, or None; at most a few seconds old."""
    for shops in (_cache.fresh, _cache.load):
        for info in shops().values():
            if info.slug == slug:
                return info
    return None


_SHOPS = Rows("shops", Shop, "ORDER BY is_active DESC, lower(brand), lower(name)")


def all_shops() -> list[ShopInfo]:
    """Every shop, active ones first. Runs one query."""
    return [row.info for row in _SHOPS.all()]


_OTHER_SHOPS = Statement(
    "other_shops", "SELECT EXISTS (SELECT FROM company_shop WHERE id <> ALL(%(ids)s::bigint[]))"
)


def are_all_shops(shop_ids: Iterable[int]) -> bool:
    """Whether there is no shop besides these. Runs one query."""
    ((has_others,),) = _OTHER_SHOPS.rows(ids=list(shop_ids))
    return not has_others


def shops_for(agent: Actor) -> list[ShopInfo]:
    """The shops in which the agent holds any permission at all, active ones first."""
    held = held_permissions(agent)
    shop_ids_ = set().union(*(scope.shop_ids for scope in held.values())) if held else set()
    everywhere = any(scope.is_everywhere for scope in held.values())
    return [info for info in _every_shop(agent) if everywhere or info.id in shop_ids_]


def _every_shop(agent: Actor | AnonymousUser) -> list[ShopInfo]:
    """All shops; the agent of a request remembers them."""
    memory: dict[str, Any] | None = getattr(agent, "permission_memory", None)
    if memory is None:
        return all_shops()
    if "shops" not in memory:
        memory["shops"] = all_shops()
    return list(memory["shops"])


def opening_schedule(shop_id: int) -> rules.Schedule:
    """When the people of the shop are there; a shop without a calendar is never open."""
    calendar = (
        OpeningCalendar.objects.filter(shop_id=shop_id).prefetch_related("hours", "days").first()
    )
    weekly: dict[int, list[tuple[clock, clock]]] = {}
    if calendar is None:
        return rules.Schedule(time_zone=shop(shop_id).time_zone, weekly={}, exceptions={})
    for span in calendar.hours.all():
        weekly.setdefault(span.weekday, []).append((span.opens_at, span.closes_at))
    days = {
        day.on: [(day.opens_at, day.closes_at)] if day.opens_at and day.closes_at else []
        for day in calendar.days.all()
    }
    return rules.Schedule(time_zone=shop(shop_id).time_zone, weekly=weekly, exceptions=days)


def is_open(shop_id: int, *, at: datetime | None = None) -> bool:
    """True when the shop's people are there at this moment."""
    return rules.is_open(opening_schedule(shop_id), at or now())


def next_opening(shop_id: int, *, at: datetime | None = None) -> datetime | None:
    """When the shop opens next; the moment itself when it is open; None when it never does."""
    return rules.next_opening(opening_schedule(shop_id), at or now())


def exceptional_days(shop_id: int) -> QuerySet[ExceptionalDay]:
    """The shop's days which differ from their weekday, in order."""
    return ExceptionalDay.objects.filter(calendar__shop_id=shop_id).order_by("on")


# --- Who may what, where --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scope:
    """The shops in which one permission is held."""

    shop_ids: frozenset[int] = frozenset()
    is_everywhere: bool = False

    def covers(self, shop_id: int | None) -> bool:
        """True when it reaches the shop; None asks for all shops, those of the future too."""
        return self.is_everywhere or (shop_id is not None and shop_id in self.shop_ids)

    def joined(self, shop_id: int | None) -> Scope:
        """The scope with one more shop; None adds all."""
        if shop_id is None:
            return Scope(self.shop_ids, is_everywhere=True)
        return Scope(self.shop_ids | {shop_id}, self.is_everywhere)


NOWHERE = Scope()
EVERYWHERE = Scope(is_everywhere=True)


def role_permissions(role: Role | _GrantedRole) -> frozenset[str]:
    """What the role allows today, with what newly installed modules declare for it."""
    return rules.effective_permissions(
        default_permissions(role), added=role.permissions, withheld=role.withheld
    )


def default_permissions(role: Role | _GrantedRole) -> frozenset[str]:
    """What the modules declare for a built-in role; nothing for a role of the company's own."""
    declared = {permission.code: permission.roles for permission in permissions.all()}
    return rules.default_permissions(role.key, declared) if role.is_built_in else frozenset()


class _GrantedRole(NamedTuple):
    """What a role allows; enough of it to say so."""

    key: str
    is_built_in: bool
    permissions: list[str]
    withheld: list[str]


_GRANTS = Statement(
    "grants",
    """
SELECT g.shop_id, r.key, r.is_built_in, r.permissions, r.withheld
FROM company_grant g JOIN company_role r ON r.id = g.role_id WHERE g.agent_id = %(agent_id)s
""",
)


def held_permissions(agent: Actor | AnonymousUser) -> Mapping[str, Scope]:
    """Each permission the agent holds, with its shops. Runs one query, remembered by a request.

    An owner of the installation holds every permission everywhere; a disabled agent none.
    """
    if not isinstance(agent, Agent) or not agent.is_active:
        return {}
    if agent.is_superuser:
        return dict.fromkeys(permissions.codes(), EVERYWHERE)
    memory = agent.permission_memory
    if memory is not None and "held" in memory:
        remembered: Mapping[str, Scope] = memory["held"]
        return remembered
    held: dict[str, Scope] = {}
    for shop_id, *role in _GRANTS.rows(agent_id=agent.pk):
        for code in role_permissions(_GrantedRole(*role)):
            held[code] = held.get(code, NOWHERE).joined(shop_id)
    if memory is not None:
        memory["held"] = held
    return held


def remember_permissions(agent: Agent) -> None:
    """Let this one object answer from memory from now on; right for the length of a request only."""
    agent.permission_memory = {}


def scope_of(agent: Actor | AnonymousUser, code: str) -> Scope:
    """The shops in which the agent holds the permission."""
    return held_permissions(agent).get(code, NOWHERE)


def shop_ids(agent: Actor | AnonymousUser, code: str) -> frozenset[int]:
    """The ids of the shops in which the agent holds the permission: the filter of every list."""
    scope = scope_of(agent, code)
    if scope.is_everywhere:
        return frozenset(info.id for info in _every_shop(agent))
    return scope.shop_ids


def may(agent: Actor | AnonymousUser, code: str, *, shop_id: int | None) -> bool:
    """True when the agent holds the permission in this shop; `shop_id=None` asks for all shops."""
    return scope_of(agent, code).covers(shop_id)


def holds_second_factor_role(agent: Actor) -> bool:
    """True when the agent's power asks for a second factor at sign-in. Runs one query."""
    return agent.is_superuser or (
        Grant.objects.filter(agent_id=agent.pk, role__key__in=rules.SECOND_FACTOR_ROLES).exists()
    )


# --- People ---------------------------------------------------------------------------------------


_AGENTS = Rows("agents", Agent, "WHERE id = ANY(%(ids)s::bigint[])")
_AGENT = Rows("agent", Agent, "WHERE id = %(agent_id)s")


def agent_of_session(agent_id: int) -> Agent | None:
    """The agent whom a session belongs to, disabled or not; None when there is none."""
    return next(iter(_AGENT.all(agent_id=agent_id)), None)


def agent_info(agent_id: int) -> AgentInfo | None:
    """The agent as others show him, disabled or not; None when there is none."""
    return agent_infos([agent_id]).get(agent_id)


def agent_infos(agent_ids: Iterable[int]) -> dict[int, AgentInfo]:
    """Agents by id, in one query."""
    ids = list(agent_ids)
    return {row.pk: row.info for row in _AGENTS.all(ids=ids)} if ids else {}


def agent_by_email(email: str) -> Actor | None:
    """The active agent who signs in with this address, or None. Runs one query."""
    return Agent.objects.active().filter(email=email.strip().lower()).first()


def agents_with(code: str, *, shop_id: int) -> list[AgentInfo]:
    """Active agents who hold the permission in this shop, by name: who can be given work there."""
    at_shop = Q(grants__shop_id=shop_id) | Q(grants__shop__isnull=True, grants__isnull=False)
    candidates = (
        Agent.objects.active()
        .filter(at_shop | Q(is_superuser=True))
        .prefetch_related("grants__role")
        .order_by(Lower("name"), "pk")
        .distinct()
    )
    return [agent.info for agent in candidates if _holds(agent, code, shop_id)]


def _holds(agent: Agent, code: str, shop_id: int) -> bool:
    return agent.is_superuser or any(
        grant.shop_id in {None, shop_id} and code in role_permissions(grant.role)
        for grant in agent.grants.all()
    )


def roles_for_list() -> QuerySet[Role]:
    """Every role with the number of people who hold it."""
    return Role.objects.annotate(holders=Count("grants__agent", distinct=True))


def agents_managed_by(agent: Actor) -> AgentQuerySet:
    """The people whom this agent may see and change: those with a role in a shop he manages.

    Who manages all shops sees everybody, also people without any role.
    """
    scope = scope_of(agent, "company.manage_agents")
    if scope.is_everywhere:
        return Agent.objects.for_list()
    if not scope.shop_ids:
        return AgentQuerySet(Agent).none()
    reachable = Q(shop_id__in=scope.shop_ids) | Q(shop=None)
    people = Grant.objects.filter(reachable).values_list("agent_id", flat=True)
    return Agent.objects.for_list().filter(pk__in=people)


def teams_managed_by(agent: Actor) -> QuerySet[Team]:
    """The teams of the shops whose agents this agent manages; all of them if he manages all."""
    scope = scope_of(agent, "company.manage_agents")
    teams = Team.objects.select_related("shop").annotate(size=Count("memberships"))
    return teams if scope.is_everywhere else teams.filter(shop_id__in=scope.shop_ids)


def invitations_managed_by(agent: Actor) -> QuerySet[Invitation]:
    """The waiting invitations to shops whose agents this agent manages."""
    scope = scope_of(agent, "company.manage_agents")
    waiting = waiting_invitations()
    return waiting if scope.is_everywhere else waiting.filter(shop_id__in=scope.shop_ids)


def waiting_invitations() -> QuerySet[Invitation]:
    """Invitations nobody has accepted or withdrawn, the newest first."""
    return Invitation.objects.waiting().select_related("role", "shop", "invited_by").order_by("-pk")


def api_keys(shop_ids_: Iterable[int]) -> QuerySet[ApiKey]:
    """The keys of these shops, usable ones first."""
    return (
        ApiKey.objects.filter(shop_id__in=shop_ids_)
        .select_related("shop", "created_by")
        .order_by("revoked_at", "-pk")
    )


def api_scope_codes() -> list[str]:
    """Every scope an API key can carry."""
    return [scope.code for scope in api_scopes.all()]


# --- Audit ----------------------------------------------------------------------------------------

CHAIN_IS_FRESH_FOR_SECONDS = 600
_CHAIN_KEY = "company.audit-chain"


def audit_entries(agent: Actor) -> QuerySet[AuditEntry]:
    """The entries this agent may read: of his shops, and those of the whole company if he may all."""
    scope = scope_of(agent, "company.view_audit")
    entries = AuditEntry.objects.all()
    return entries if scope.is_everywhere else entries.filter(shop_id__in=scope.shop_ids)


def audit_actors(agent: Actor) -> QuerySet[Agent]:
    """The people among the entries this agent may read, by name. Runs one query."""
    theirs = audit_entries(agent).order_by().filter(actor_id=OuterRef("pk"))
    return Agent.objects.filter(Exists(theirs)).order_by(Lower("name"), "pk")


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditChain:
    """What a walk along the whole audit log found: the positions where it is broken."""

    entries: int
    broken_at: tuple[int, ...]
    checked_at: datetime


def audit_chain(*, at: datetime | None = None) -> AuditChain:
    """The state of the chain, at most ten minutes old: walking along a long log takes seconds."""
    known: AuditChain | None = cache.get(_CHAIN_KEY)
    if known is None:
        entries = AuditHead.objects.values_list("position", flat=True).first() or 0
        broken = sorted({position for position, _sentence in _chain_breaches()})
        known = AuditChain(entries=entries, broken_at=tuple(broken), checked_at=at or now())
        cache.set(_CHAIN_KEY, known, CHAIN_IS_FRESH_FOR_SECONDS)
    return known


@invariant("R22", "The audit log is append-only and its hash chain is intact to its end.")
def audit_chain_breaches() -> list[str]:
    """Each place where the chain is broken, one line each."""
    return [sentence for _position, sentence in _chain_breaches()]


def _chain_breaches() -> Iterator[tuple[int, str]]:
    previous_hash, position = rules.GENESIS, 0
    for entry in AuditEntry.objects.order_by("position").iterator(chunk_size=2000):
        position += 1
        if entry.position != position:
            yield position, f"audit entries {position} to {entry.position - 1} are missing"
            position = entry.position
        elif entry.previous_hash != previous_hash:
            yield position, f"audit entry {position} does not follow the one before it"
        if entry.computed_hash() != entry.hash:
            yield position, f"audit entry {position} was changed"
        previous_hash = entry.hash
    head = AuditHead.objects.first() or AuditHead()
    if (head.position, head.hash) != (position, previous_hash):
        yield position, f"the audit log ends at {position}, not at {head.position}"
