"""Every door an agent comes through: password, lock-out, second factor, reset, SSO, invitation."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from company import services
from company.middleware import SEEN_AT, SIGNED_IN_AT
from company.models import Agent, AuditEntry, Invitation
from company.services import invitations
from company.tasks import sweep_sessions
from tests.company.factories import PASSWORD, AgentFactory

pytestmark = pytest.mark.django_db
LOGIN = "/login/"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch) -> None:
    for name, value in (("time_cost", 1), ("memory_cost", 8), ("parallelism", 1)):
        monkeypatch.setattr(Argon2PasswordHasher, name, value)


@pytest.fixture(autouse=True)
def _mail_stays_here(settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.ECRM_REQUIRE_MFA = False
    settings.ECRM_SESSION_IDLE_MINUTES = 30
    settings.ECRM_SESSION_HOURS = 12


@pytest.fixture
def agent() -> Agent:
    return AgentFactory(email="camille@maison.example", password=PASSWORD)


def sign_in(client: Client, email: str = "camille@maison.example", password: str = PASSWORD, **kw):
    return client.post(LOGIN, {"login": email, "password": password}, **kw)


def is_in(client: Client) -> bool:
    return client.get("/settings/account/").status_code == 200


# --- Password --------------------------------------------------------------------------------------


def test_an_agent_signs_in_with_his_address_however_capitalised(agent, client):
    response = sign_in(client, "Camille@Maison.example")

    assert (response.status_code, response["Location"]) == (302, "/")
    assert is_in(client)
    entry = AuditEntry.objects.get(action="company.agent-signed-in")
    assert (entry.actor_id, entry.ip) == (agent.pk, "127.0.0.1")


def test_the_session_key_changes_at_sign_in(agent, client):
    client.get("/")
    client.get(LOGIN)
    session = client.session
    session["before"] = True
    session.save()
    before = session.session_key

    sign_in(client)

    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(agent):
    pages = set()
    for email in ("camille@maison.example", "nobody@maison.example"):
        response = sign_in(Client(), email, "wrong wrong wrong")
        page = response.content.decode().replace(email, "…")
        pages.add((response.status_code, re.sub(r'csrfmiddlewaretoken" value="\w+"', "", page)))

    assert len(pages) == 1
    assert "not correct" in pages.pop()[1]


def test_an_unknown_address_costs_a_password_hash_too(agent, client, monkeypatch):
    hashed = []
    monkeypatch.setattr(
        "django.contrib.auth.hashers.Argon2PasswordHasher.encode",
        lambda self, password, salt: hashed.append(password) or "argon2$x",
    )

    sign_in(client, "nobody@maison.example", "wrong wrong wrong")

    assert hashed


def test_a_disabled_agent_does_not_come_in(agent, client):
    AgentFactory(owner=True)
    services.disable_agent(agent.pk, by=None)

    sign_in(client)

    assert not is_in(client)


def test_nobody_signs_himself_up(client):
    for name in ("account_signup", "socialaccount_signup"):
        response = client.post(
            reverse(name), {"email": "new@maison.example", "password1": PASSWORD}
        )
        assert response.status_code in {200, 302}

    assert not Agent.objects.filter(email="new@maison.example").exists()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_after_sign_in_nobody_is_sent_to_another_site(agent, client, target):
    response = client.post(
        f"{LOGIN}?next={target}",
        {"login": agent.email, "password": PASSWORD, "next": target},
    )

    assert response["Location"] == "/"


# --- Brute force -----------------------------------------------------------------------------------


@pytest.mark.parametrize("email", ["camille@maison.example", "nobody@maison.example"])
def test_after_eight_wrong_passwords_the_door_is_shut_for_this_account_and_address(
    agent, client, email
):
    for _attempt in range(7):
        assert sign_in(client, email, "wrong wrong wrong").status_code == 200

    shut = sign_in(client, email, "wrong wrong wrong")
    even_right = sign_in(client, email, PASSWORD)

    assert shut.status_code == even_right.status_code == 429
    assert int(shut["Retry-After"]) == 900
    assert not is_in(client)


def test_others_come_in_meanwhile_and_so_does_he_from_elsewhere(agent, client):
    AgentFactory(email="jonas@maison.example", password=PASSWORD)
    for _attempt in range(9):
        sign_in(client, password="wrong wrong wrong")

    assert sign_in(Client(), "jonas@maison.example").status_code == 302
    assert sign_in(Client(), REMOTE_ADDR="192.0.2.9").status_code == 302


def test_a_claimed_forwarding_address_counts_only_behind_a_proxy(agent, client):
    for attempt in range(9):
        response = sign_in(
            client, password="wrong wrong wrong", headers={"X-Forwarded-For": f"192.0.2.{attempt}"}
        )

    assert response.status_code == 429


def test_a_forgotten_cache_does_not_open_the_door(agent, client):
    from django.core.cache import cache

    for _attempt in range(8):
        sign_in(client, password="wrong wrong wrong")

    cache.clear()

    assert sign_in(client).status_code == 429


def test_many_accounts_from_one_address_are_slowed_down(agent, client):
    pages = [
        sign_in(client, f"agent{number}@maison.example", "wrong wrong wrong").content.decode()
        for number in range(21)
    ]

    assert "Too many failed login attempts" in pages[-1]
    assert "Too many failed login attempts" not in pages[0]


# --- Second factor ---------------------------------------------------------------------------------


@pytest.fixture
def secured(agent) -> Agent:
    totp.TOTP.activate(agent, "JBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(agent)
    return agent


def code_of(secret: str) -> str:
    return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30))


def test_the_password_alone_does_not_open(secured, client):
    response = sign_in(client)

    assert response["Location"] == reverse("mfa_authenticate")
    assert not is_in(client)


def test_a_code_opens_once(secured, client):
    code = code_of("JBSWY3DPEHPK3PXP")
    sign_in(client)
    client.post(reverse("mfa_authenticate"), {"code": code})
    assert is_in(client)

    again = Client()
    sign_in(again)
    again.post(reverse("mfa_authenticate"), {"code": code})

    assert not is_in(again)


def test_a_recovery_code_opens_once(secured, client):
    code = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()[0]
    sign_in(client)
    client.post(reverse("mfa_authenticate"), {"code": code})
    assert is_in(client)

    again = Client()
    sign_in(again)
    again.post(reverse("mfa_authenticate"), {"code": code})

    assert not is_in(again)


def test_codes_can_not_be_guessed_for_long(secured, client):
    sign_in(client)
    for attempt in range(31):
        page = client.post(reverse("mfa_authenticate"), {"code": f"{attempt:06}"})

    assert "Too many" in page.content.decode()


def test_the_secret_of_the_app_is_encrypted_at_rest(secured):
    assert "JBSWY3DPEHPK3PXP" not in json.dumps(list(Authenticator.objects.values("data")))


def test_setting_up_a_factor_asks_for_the_password_again(agent, client):
    client.force_login(agent)

    response = client.get(reverse("mfa_activate_totp"))

    assert response["Location"].startswith(reverse("account_reauthenticate"))


@pytest.mark.django_db(transaction=True)
def test_setting_up_an_app_is_audited_and_told_by_mail(agent, client):
    sign_in(client)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    client.get(reverse("mfa_activate_totp"))
    secret = client.session["mfa.totp.secret"]
    code = code_of(secret)

    client.post(reverse("mfa_activate_totp"), {"code": code})

    assert Authenticator.objects.filter(user=agent, type="totp").exists()
    assert AuditEntry.objects.filter(action="company.totp-activated", actor_id=agent.pk).exists()
    assert mail.outbox[-1].to == [agent.email]
    assert "authenticator app was added" in mail.outbox[-1].body


@pytest.mark.parametrize(
    ("options", "owes"),
    [
        ({"owner": True}, True),
        ({"role": "manager"}, True),
        ({"is_superuser": True}, True),
        ({"role": "support"}, False),
    ],
)
def test_owners_and_managers_owe_a_second_factor(client, settings, options, owes):
    settings.ECRM_REQUIRE_MFA = True
    agent = AgentFactory(**options)
    client.force_login(agent)

    response = client.get("/settings/account/")

    assert (response.status_code == 302) is owes
    if owes:
        assert response["Location"] == "/login/factor/?next=%2Fsettings%2Faccount%2F"
        assert client.post("/settings/account/", {"name": "x"}).status_code == 302
        moved = client.get("/settings/account/", headers={"HX-Request": "true"})
        assert (moved.status_code, moved["HX-Redirect"]) == (204, "/login/factor/")
        assert client.get("/login/factor/").status_code == 200


def test_who_has_a_factor_owes_nothing(secured, client, settings):
    settings.ECRM_REQUIRE_MFA = True
    services.grant_role(secured.pk, role_key="owner", by=None)
    client.force_login(secured)

    assert is_in(client)


# --- Reset -----------------------------------------------------------------------------------------


def reset_link(client: Client, email: str, **options) -> str | None:
    mail.outbox.clear()
    client.post(reverse("account_reset_password"), {"email": email}, **options)
    found = re.search(r"https?://\S+", mail.outbox[0].body) if mail.outbox else None
    return found[0] if found else None


def test_a_forgotten_password_is_set_anew_by_mail_once(agent, client):
    other = Client()
    sign_in(other)
    link = reset_link(client, agent.email)
    path = link.partition("//")[2].partition("/")[2]

    page = client.get(f"/{path}", follow=True)
    action = page.redirect_chain[-1][0]
    client.post(
        action, {"password1": "another long sentence", "password2": "another long sentence"}
    )

    agent.refresh_from_db()
    assert agent.check_password("another long sentence")
    assert not is_in(other)
    assert AuditEntry.objects.filter(action="company.password-reset", actor_id=agent.pk).exists()
    assert "This link has ended" in Client().get(f"/{path}", follow=True).content.decode()


def test_the_link_points_to_our_own_address_whatever_host_was_asked(agent, client, settings):
    settings.ALLOWED_HOSTS = ["*"]
    settings.ECRM_BASE_URL = "https://crm.maison.example"

    link = reset_link(client, agent.email, headers={"Host": "evil.example"})

    assert link.startswith("https://crm.maison.example/login/password/reset/")


def test_a_stranger_hears_the_same_and_gets_no_mail(agent, client):
    known = client.post(reverse("account_reset_password"), {"email": agent.email}, follow=True)
    mail.outbox.clear()
    unknown = client.post(
        reverse("account_reset_password"), {"email": "nobody@maison.example"}, follow=True
    )

    assert known.content == unknown.content
    assert mail.outbox == []


def test_the_link_works_for_an_hour(agent, client, settings):
    from allauth.account.forms import default_token_generator

    link = reset_link(client, agent.email)
    key = link.rstrip("/").rpartition("/")[2].partition("-")[2]

    assert settings.PASSWORD_RESET_TIMEOUT == 3600
    assert default_token_generator.check_token(agent, key)


def test_a_reset_does_not_go_around_the_second_factor(secured, client):
    link = reset_link(client, secured.email)
    page = client.get("/" + link.partition("//")[2].partition("/")[2], follow=True)

    client.post(
        page.redirect_chain[-1][0],
        {"password1": "another long sentence", "password2": "another long sentence"},
    )

    assert not is_in(client)
    assert sign_in(client, password="another long sentence")["Location"] == reverse(
        "mfa_authenticate"
    )


def test_a_disabled_agent_gets_no_link(agent, client):
    AgentFactory(owner=True)
    services.disable_agent(agent.pk, by=None)

    assert reset_link(client, agent.email) is None


# --- Sessions --------------------------------------------------------------------------------------


def age(client: Client, *, key: str, by: timedelta) -> None:
    session = client.session
    session[key] -= by.total_seconds()
    session.save()


def test_a_session_ends_after_half_an_hour_of_nothing(agent, client):
    sign_in(client)
    assert is_in(client)
    age(client, key=SEEN_AT, by=timedelta(minutes=29))
    assert is_in(client)

    age(client, key=SEEN_AT, by=timedelta(minutes=31))

    assert not is_in(client)
    assert client.session.get(SEEN_AT) is None


def test_a_session_ends_after_twelve_hours_of_work(agent, client):
    sign_in(client)
    assert is_in(client)

    age(client, key=SIGNED_IN_AT, by=timedelta(hours=12, seconds=1))

    assert not is_in(client)


def test_pages_that_refresh_themselves_do_not_keep_a_session_alive(agent, client):
    sign_in(client)
    assert is_in(client)
    age(client, key=SEEN_AT, by=timedelta(minutes=20))

    client.get("/settings/account/", headers={"Ecrm-Background": "true"})
    age(client, key=SEEN_AT, by=timedelta(minutes=11))

    assert not is_in(client)


def test_disabling_an_agent_ends_his_sessions_at_once(agent):
    AgentFactory(owner=True)
    browsers = [Client(), Client()]
    for browser in browsers:
        sign_in(browser)
        assert is_in(browser)

    services.disable_agent(agent.pk, by=None)

    assert not any(is_in(browser) for browser in browsers)
    assert not UserSession.objects.filter(user=agent).exists()
    assert not Session.objects.exists()


def test_an_agent_sees_his_browsers_and_ends_one_or_all_others(agent, client):
    first, second = (
        Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}),
        Client(),
    )
    for browser in (client, first, second):
        sign_in(browser)
    AgentFactory(email="jonas@maison.example", password=PASSWORD)
    foreign = Client()
    sign_in(foreign, "jonas@maison.example")

    page = client.get(reverse("usersessions_list")).content.decode()
    assert "Firefox · Linux" in page
    row = UserSession.objects.get(user_agent__contains="Firefox")
    client.post(reverse("company-session-end", args=[row.pk]))
    assert not is_in(first)
    assert is_in(second)

    client.post(reverse("usersessions_list"))
    assert not is_in(second)
    assert is_in(client)
    assert is_in(foreign)


def test_a_new_password_ends_the_other_sessions(agent, client):
    other = Client()
    for browser in (client, other):
        sign_in(browser)

    client.post(
        reverse("account_change_password"),
        {
            "oldpassword": PASSWORD,
            "password1": "another long sentence",
            "password2": "another long sentence",
        },
    )

    agent.refresh_from_db()
    assert agent.check_password("another long sentence")
    assert not is_in(other)


def test_the_sweep_forgets_what_has_ended(agent, client):
    sign_in(client)
    is_in(client)
    Session.objects.update(expire_date=now() - timedelta(seconds=1))

    sweep_sessions()

    assert not Session.objects.exists()
    assert not UserSession.objects.exists()


def test_signing_out_is_a_post(agent, client):
    sign_in(client)

    client.get("/login/out/")
    assert is_in(client)
    client.post("/login/out/")
    assert not is_in(client)


def test_pages_speak_the_agents_language(client):
    agent = AgentFactory(language="fr")
    client.force_login(agent)

    response = client.get("/settings/account/", headers={"Accept-Language": "en"})

    assert response.headers["Content-Language"] == "fr"


# --- Invitation ------------------------------------------------------------------------------------


def test_an_invited_person_comes_in_through_the_mail(client):
    owner = AgentFactory(owner=True, name="Camille")
    invitation = services.invite_agent(
        email="new@maison.example", role_key="support", shop_id=None, by=owner
    )
    from company.events import AgentInvited
    from company.subscribers import mail_invitation

    mail_invitation(AgentInvited(invitation_id=invitation.pk))
    link = re.search(r"https?://\S+", mail.outbox[0].body)[0]
    path = "/" + link.partition("//")[2].partition("/")[2]
    page = client.get(path)
    assert "new@maison.example" in page.content.decode()
    weak = client.post(path, {"name": "Nora", "password": "short"})
    assert weak.status_code == 422

    response = client.post(path, {"name": "Nora", "password": "quite a long sentence"})

    assert response["Location"] == "/"
    assert is_in(client)
    assert Client().get(path).status_code == 404
    assert EmailAddress.objects.get(email="new@maison.example").verified


def test_no_mail_goes_out_for_an_invitation_that_has_ended():
    owner = AgentFactory(owner=True)
    invitation = services.invite_agent(
        email="new@maison.example", role_key="support", shop_id=None, by=owner
    )
    services.withdraw_invitation(invitation.pk, by=owner)
    from company.events import AgentInvited
    from company.subscribers import mail_invitation

    mail_invitation(AgentInvited(invitation_id=invitation.pk))

    assert mail.outbox == []


def test_links_can_not_be_tried_for_long(client):
    answers = [
        client.get(reverse("company-invitation", args=[f"x{n}"])).status_code for n in range(22)
    ]

    assert answers[0] == 404
    assert answers[-1] == 429


def test_the_link_in_the_mail_is_right_even_after_a_new_secret_key(settings):
    owner = AgentFactory(owner=True)
    invitation = services.invite_agent(
        email="new@maison.example", role_key="support", shop_id=None, by=owner
    )
    token = invitations.token_of(invitation)
    settings.SECRET_KEY = "another-key-" * 6

    assert invitations.find_invitation(token) == invitation
    assert Invitation.objects.get().token_hash == invitations.hash_of(token)


# --- Cookies ---------------------------------------------------------------------------------------


def test_cookies_are_for_this_site_and_not_for_scripts(agent, client):
    client.get(LOGIN)
    response = sign_in(client)
    client.get(LOGIN)

    for morsel in [*client.cookies.values(), *response.cookies.values()]:
        assert morsel["httponly"], morsel.key
        assert morsel["samesite"] == "Lax", morsel.key
        assert morsel["domain"] == "", morsel.key


def test_under_https_cookies_are_bound_to_host_and_encryption():
    script = (
        "import json\nfrom django.conf import settings as s\n"
        "print(json.dumps([s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE,"
        " s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_PATH, s.SECURE_HSTS_SECONDS]))"
    )
    import os

    environment = {
        **os.environ,
        "ECRM_BASE_URL": "https://crm.maison.example",
        "DJANGO_SETTINGS_MODULE": "ecrm.settings",
    }

    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
    )

    assert json.loads(done.stdout) == ["__Host-ecrm", "__Host-csrf", True, True, "/", 31_536_000]
