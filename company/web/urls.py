"""The settings pages of the company, mounted at /settings/."""

from __future__ import annotations

from django.urls import path

from company.web import account, agents, audit, keys, shops, teams

app_name = "company"
urlpatterns = [
    path("account/", account.account, name="account"),
    path("shops/", shops.shop_list, name="shop-list"),
    path("shops/new/", shops.shop_create, name="shop-create"),
    path("shops/<slug:slug>/", shops.shop_edit, name="shop-edit"),
    path("shops/<slug:slug>/logo/", shops.logo_set, name="logo-set"),
    path("shops/<slug:slug>/logo/remove/", shops.logo_remove, name="logo-remove"),
    path("shops/<slug:slug>/hours/", shops.shop_hours, name="shop-hours"),
    path("shops/<slug:slug>/days/", shops.day_set, name="day-set"),
    path("shops/<slug:slug>/days/<str:on>/remove/", shops.day_remove, name="day-remove"),
    path("agents/", agents.agent_list, name="agent-list"),
    path("agents/invite/", agents.agent_invite, name="agent-invite"),
    path("agents/<int:pk>/", agents.agent_detail, name="agent-detail"),
    path("agents/<int:pk>/grants/", agents.grant_add, name="grant-add"),
    path("agents/<int:pk>/grants/<int:grant_id>/revoke/", agents.grant_revoke, name="grant-revoke"),
    path("agents/<int:pk>/disable/", agents.agent_disable, name="agent-disable"),
    path("agents/<int:pk>/enable/", agents.agent_enable, name="agent-enable"),
    path("invitations/<int:pk>/withdraw/", agents.invitation_withdraw, name="invitation-withdraw"),
    path("invitations/<int:pk>/renew/", agents.invitation_renew, name="invitation-renew"),
    path("teams/", teams.team_list, name="team-list"),
    path("teams/new/", teams.team_create, name="team-create"),
    path("teams/<int:pk>/", teams.team_edit, name="team-edit"),
    path("teams/<int:pk>/remove/", teams.team_remove, name="team-remove"),
    path("roles/", teams.role_list, name="role-list"),
    path("roles/new/", teams.role_create, name="role-create"),
    path("roles/<slug:key>/", teams.role_edit, name="role-edit"),
    path("roles/<slug:key>/remove/", teams.role_remove, name="role-remove"),
    path("keys/", keys.key_list, name="key-list"),
    path("keys/new/", keys.key_create, name="key-create"),
    path("keys/<int:pk>/revoke/", keys.key_revoke, name="key-revoke"),
    path("audit/", audit.audit_list, name="audit-list"),
    path("audit/chain/", audit.audit_chain, name="audit-chain"),
    path("audit/export/", audit.audit_export, name="audit-export"),
]
