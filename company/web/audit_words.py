"""How the company's own actions are told in the audit log."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from company import extensions, queries
from company.extensions import AuditAction, AuditField, AuditGroup, AuditNoun, AuditSubject
from company.models import ApiKey, Invitation, Role, Shop
from company.types import Agent
from company.web import access as reach

ACCESS, PEOPLE, SHOPS, OPERATIONS = "access", "people", "shops", "operations"
GROUPS = (
    (ACCESS, gettext_noop("Sign-in and security")),
    (PEOPLE, gettext_noop("Agents, teams and roles")),
    (SHOPS, gettext_noop("Shops and API keys")),
    (OPERATIONS, gettext_noop("Operations")),
)
ROLE = {"role": AuditField(label=gettext_noop("Role"), noun="role")}
NAME = {"name": AuditField(label=gettext_noop("Name"))}
TEAM = NAME | {"members": AuditField(label=gettext_noop("Members"), noun="agent")}
PERMISSIONS = {
    "permissions": AuditField(label=gettext_noop("Allows"), noun="permission"),
    "added": AuditField(label=gettext_noop("Allows now"), noun="permission"),
    "removed": AuditField(label=gettext_noop("Allows no longer"), noun="permission"),
}
SCOPES = {"scopes": AuditField(label=gettext_noop("May"), noun="api-scope")}
SHOP = {
    **NAME,
    "brand": AuditField(label=gettext_noop("Brand")),
    "market": AuditField(label=gettext_noop("Market")),
    "languages": AuditField(label=gettext_noop("Languages")),
    "default_language": AuditField(label=gettext_noop("Main language")),
    "currency": AuditField(label=gettext_noop("Currency")),
    "time_zone": AuditField(label=gettext_noop("Time zone")),
    "accent_color": AuditField(label=gettext_noop("Accent colour")),
    "domains": AuditField(label=gettext_noop("Domains")),
    "sender_name": AuditField(label=gettext_noop("Sender name")),
    "support_email": AuditField(label=gettext_noop("Support address")),
    "is_active": AuditField(label=gettext_noop("Active")),
}
HOURS = {
    "weekly": AuditField(label=gettext_noop("Ordinary week")),
    "exceptional_day": AuditField(label=gettext_noop("Exceptional day")),
}
COUNT = {"count": AuditField(label=gettext_noop("Browsers"))}

Fields = Mapping[str, AuditField]
ACTIONS: tuple[tuple[str, str, str, Fields], ...] = (
    (ACCESS, "agent-signed-in", gettext_noop("{who} signed in."), {}),
    (ACCESS, "sessions-ended", gettext_noop("{who} signed out of other browsers."), COUNT),
    (ACCESS, "password-changed", gettext_noop("{who} changed their password."), {}),
    (ACCESS, "password-reset", gettext_noop("{who} reset their password by mail."), {}),
    (ACCESS, "password-set", gettext_noop("{who} set a first password."), {}),
    (ACCESS, "email-changed", gettext_noop("{who} changed their sign-in address."), {}),
    (ACCESS, "email-deleted", gettext_noop("{who} removed a sign-in address."), {}),
    (ACCESS, "totp-activated", gettext_noop("{who} set up an authenticator app."), {}),
    (ACCESS, "totp-deactivated", gettext_noop("{who} removed their authenticator app."), {}),
    (ACCESS, "recovery-codes-generated", gettext_noop("{who} made new recovery codes."), {}),
    (ACCESS, "webauthn-added", gettext_noop("{who} added a passkey."), {}),
    (ACCESS, "webauthn-removed", gettext_noop("{who} removed a passkey."), {}),
    (ACCESS, "account-connected", gettext_noop("{who} connected single sign-on."), {}),
    (ACCESS, "account-disconnected", gettext_noop("{who} disconnected single sign-on."), {}),
    (PEOPLE, "agent-created", gettext_noop("{who} created an account for {what}."), {}),
    (PEOPLE, "agent-renamed", gettext_noop("{who} changed the name on their account."), NAME),
    (PEOPLE, "agent-disabled", gettext_noop("{who} disabled the account of {what}."), {}),
    (PEOPLE, "agent-enabled", gettext_noop("{who} enabled the account of {what} again."), {}),
    (PEOPLE, "role-granted", gettext_noop("{who} gave {what} the role {role} {place}."), ROLE),
    (PEOPLE, "role-revoked", gettext_noop("{who} took the role {role} from {what} {place}."), ROLE),
    (PEOPLE, "agent-invited", gettext_noop("{who} invited {email} as {role} {place}."), ROLE),
    (PEOPLE, "invitation-withdrawn", gettext_noop("{who} withdrew an invitation: {what}."), {}),
    (PEOPLE, "invitation-accepted", gettext_noop("{who} accepted an invitation: {what}."), {}),
    (PEOPLE, "role-created", gettext_noop("{who} created the role {what}."), PERMISSIONS),
    (PEOPLE, "role-changed", gettext_noop("{who} changed what the role {what} allows."), PERMISSIONS),
    (PEOPLE, "role-removed", gettext_noop("{who} removed the role {what}."), {}),
    (PEOPLE, "team-created", gettext_noop("{who} founded the team {name} {place}."), TEAM),
    (PEOPLE, "team-changed", gettext_noop("{who} changed the team {name} {place}."), TEAM),
    (PEOPLE, "team-removed", gettext_noop("{who} dissolved the team {name} {place}."), TEAM),
    (SHOPS, "shop-created", gettext_noop("{who} opened the shop {what}."), {}),
    (SHOPS, "shop-changed", gettext_noop("{who} changed the settings of {what}."), SHOP),
    (SHOPS, "shop-logo-changed", gettext_noop("{who} changed the logo of {what}."), {}),
    (SHOPS, "shop-logo-removed", gettext_noop("{who} removed the logo of {what}."), {}),
    (SHOPS, "opening-hours-changed", gettext_noop("{who} changed when {what} is open."), HOURS),
    (SHOPS, "api-key-issued", gettext_noop("{who} issued the API key {what} {place}."), SCOPES),
    (SHOPS, "api-key-revoked", gettext_noop("{who} revoked the API key {what} {place}."), {}),
    (OPERATIONS, "audit-exported", gettext_noop("{who} exported the audit log."), {}),
)  # fmt: skip


def register() -> None:
    """Name the company's actions, and what they speak of."""
    extensions.audit_groups.register(
        *(AuditGroup(code=group, label=label) for group, label in GROUPS)
    )
    extensions.audit_actions.register(
        *(
            AuditAction(code=f"company.{name}", sentence=sentence, group=group, fields=fields)
            for group, name, sentence, fields in ACTIONS
        )
    )
    extensions.audit_nouns.register(
        AuditNoun(code="agent", label=gettext_noop("agent no. {id}"), find=_agents),
        AuditNoun(code="invitation", label=gettext_noop("no. {id}"), find=_invitations),
        AuditNoun(code="role", label="{id}", find=_roles),
        AuditNoun(code="permission", label="{id}", find=_permissions),
        AuditNoun(code="shop", label=gettext_noop("shop no. {id}"), find=_shops),
        AuditNoun(code="api-key", label=gettext_noop("no. {id}"), find=_keys),
        AuditNoun(code="api-scope", label="{id}", find=_scopes),
    )


Found = Mapping[str, AuditSubject]


def numbers(ids: Collection[str]) -> list[int]:
    """Those of the ids that can be one of a row."""
    return [int(id_) for id_ in ids if id_.isdigit()]


def _agents(reader: Agent, ids: Collection[str]) -> Found:
    theirs = queries.agents_managed_by(reader).filter(pk__in=numbers(ids))
    managed = set(theirs.values_list("pk", flat=True))
    return {
        str(agent.id): AuditSubject(
            name=agent.name,
            url=reverse("company:agent-detail", args=[agent.id]) if agent.id in managed else "",
        )
        for agent in queries.agent_infos(numbers(ids)).values()
    }


def _invitations(reader: Agent, ids: Collection[str]) -> Found:
    rows = Invitation.objects.filter(pk__in=numbers(ids)).values_list("pk", "email")
    return {str(pk): AuditSubject(name=email) for pk, email in rows}


def _roles(reader: Agent, ids: Collection[str]) -> Found:
    opens = queries.may(reader, reach.ROLES, shop_id=None)
    return {
        role.key: AuditSubject(
            name=str(role.label),
            url=reverse("company:role-edit", args=[role.key]) if opens else "",
        )
        for role in Role.objects.filter(key__in=ids)
    }


def _permissions(reader: Agent, ids: Collection[str]) -> Found:
    return {
        permission.code: AuditSubject(name=_(permission.label))
        for permission in extensions.permissions.all()
        if permission.code in ids
    }


def _scopes(reader: Agent, ids: Collection[str]) -> Found:
    return {
        scope.code: AuditSubject(name=_(scope.label))
        for scope in extensions.api_scopes.all()
        if scope.code in ids
    }


def _shops(reader: Agent, ids: Collection[str]) -> Found:
    scope = queries.scope_of(reader, reach.SETTINGS)
    return {
        str(shop.pk): AuditSubject(
            name=shop.name,
            url=reverse("company:shop-edit", args=[shop.slug]) if scope.covers(shop.pk) else "",
        )
        for shop in Shop.objects.filter(pk__in=numbers(ids))
    }


def _keys(reader: Agent, ids: Collection[str]) -> Found:
    scope = queries.scope_of(reader, reach.SETTINGS)
    return {
        str(key.pk): AuditSubject(
            name=key.name, url=reverse("company:key-list") if scope.covers(key.shop_id) else ""
        )
        for key in ApiKey.objects.filter(pk__in=numbers(ids))
    }
