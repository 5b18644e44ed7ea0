"""Signing in and everything about one's own account, mounted at /login/."""

from __future__ import annotations

from allauth.account import views as account
from allauth.socialaccount import views as social
from django.urls import URLPattern, URLResolver, include, path, re_path

from company.web import account as company_account
from company.web import sessions
from ecrm.kernel import access

urlpatterns: list[URLPattern | URLResolver] = [
    path("", access.public(account.login), name="account_login"),
    path("out/", access.public(account.logout), name="account_logout"),
    path("closed/", access.public(account.signup), name="account_signup"),
    path("inactive/", access.public(account.account_inactive), name="account_inactive"),
    path("confirm/", account.reauthenticate, name="account_reauthenticate"),
    path(
        "invitation/<str:token>/",
        company_account.invitation_accept,
        name="company-invitation",
    ),
    path("password/change/", account.password_change, name="account_change_password"),
    path("password/set/", account.password_set, name="account_set_password"),
    path("password/reset/", access.public(account.password_reset), name="account_reset_password"),
    path(
        "password/reset/sent/",
        access.public(account.password_reset_done),
        name="account_reset_password_done",
    ),
    re_path(
        r"^password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        access.public(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/done/",
        access.public(account.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
    path("factor/", include("allauth.mfa.urls")),
    path("sessions/", sessions.session_list, name="usersessions_list"),
    path("sessions/<int:pk>/end/", sessions.session_end, name="company-session-end"),
    path("sso/", include("allauth.socialaccount.providers.openid_connect.urls")),
    path(
        "sso/cancelled/",
        access.public(social.login_cancelled),
        name="socialaccount_login_cancelled",
    ),
    path("sso/error/", access.public(social.login_error), name="socialaccount_login_error"),
    path("sso/closed/", access.public(social.signup), name="socialaccount_signup"),
    path("sso/accounts/", social.connections, name="socialaccount_connections"),
]
