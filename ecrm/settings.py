"""Settings of every process; only `ECRM_*` variables (ecrm/env.py) make two installations differ."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from ecrm import env
from ecrm.env import BASE_DIR

# --- What differs between installations -----------------------------------------------------------

DEBUG = env.flag("ECRM_DEBUG", default=False, help_text="Django's debug pages; never in public.")
ECRM_DEMO = env.flag(
    "ECRM_DEMO",
    default=False,
    help_text="Demo mode: a local mailbox receives all outgoing mail; never in production.",
)
SECRET_KEY = env.text("ECRM_SECRET_KEY", "", "Signs sessions and tokens; 50 random characters.")
SECRET_KEY_FALLBACKS = env.words("ECRM_SECRET_KEY_FALLBACKS", "", "Former keys during a rotation.")
ECRM_TOMBSTONE_KEYS = env.words(
    "ECRM_TOMBSTONE_KEYS", "", "Keys of the hashes of erased people, newest first; keep them all."
)
ECRM_FIELD_KEYS = env.words(
    "ECRM_FIELD_KEYS", "", "Fernet keys for secrets at rest, newest first; the first one encrypts."
)
ECRM_STATE_DIR = Path(
    env.text(
        "ECRM_STATE_DIR", str(BASE_DIR / ".ecrm"), "Where files, logs and embedded services live."
    )
)
ECRM_BASE_URL = env.text(
    "ECRM_BASE_URL",
    "http://localhost:8000",
    "Public address of the back office, without a slash at the end.",
).rstrip("/")
ECRM_SMTP_URL = env.text(
    "ECRM_SMTP_URL", "", "smtp://user:password@host:port, smtps://…, or smtp://…?starttls=1."
)
ECRM_ESP_URL = env.text("ECRM_ESP_URL", "", "mailgun://KEY@host or brevo://KEY, instead of SMTP.")
ECRM_ESP_SECRETS = env.words("ECRM_ESP_SECRETS", "", "user:password that mail providers show.")
ECRM_ESP_KEYS = env.words("ECRM_ESP_KEYS", "", "Keys that sign them: mailgun=…, postal=….")
ECRM_MAIL_LISTEN = env.words("ECRM_MAIL_LISTEN", "", "lmtp:// or smtp://host:port to take mail at.")
ECRM_DOMAIN_RATES = env.words("ECRM_DOMAIN_RATES", "", "Mass mails a minute by domain; 0: any.")
ECRM_MAIL_FROM = env.text(
    "ECRM_MAIL_FROM", "eCRM <no-reply@localhost>", "Sender of account mails (invitations, resets)."
)
ECRM_DNS_SERVER = env.text("ECRM_DNS_SERVER", "", "host:port asked about sending domains.")
ECRM_SPF_TERM = env.text("ECRM_SPF_TERM", "", "What SPF must name us by, e.g. include:spf.example.")
ECRM_DKIM_SELECTORS = env.words("ECRM_DKIM_SELECTORS", "", "DKIM selectors of all sending domains.")
ECRM_PRIVATE_HOSTS = env.words("ECRM_PRIVATE_HOSTS", "", "Own host:port that HTTP may call.")
ECRM_DEMO_SMTP_PORT = env.number("ECRM_DEMO_SMTP_PORT", 21025, "SMTP port of the demo mailbox.")
if ECRM_DEMO:
    ECRM_PRIVATE_HOSTS.append(urlsplit(ECRM_BASE_URL).netloc)
if ECRM_DEMO and not ECRM_SMTP_URL and not ECRM_ESP_URL:
    ECRM_SMTP_URL = f"smtp://127.0.0.1:{ECRM_DEMO_SMTP_PORT}"
ECRM_REQUIRE_MFA = env.flag(
    "ECRM_REQUIRE_MFA",
    default=not ECRM_DEMO,
    help_text="Owners and managers must use a second factor.",
)
ECRM_SESSION_IDLE_MINUTES = env.number(
    "ECRM_SESSION_IDLE_MINUTES",
    720 if ECRM_DEMO else 30,
    "Minutes without a request after which an agent is signed out.",
)
ECRM_SESSION_HOURS = env.number("ECRM_SESSION_HOURS", 12, "Hours until agents sign in again.")
ECRM_PROXIES = env.number("ECRM_PROXIES", 0, "How many trusted proxies stand in front of us.")
ECRM_METRICS_TOKEN = env.text("ECRM_METRICS_TOKEN", "", "Token that reads /metrics; empty: closed.")
ECRM_LOG_FORMAT = env.text("ECRM_LOG_FORMAT", "json", "json or console.")
ECRM_FAILPOINT = env.text("ECRM_FAILPOINT", "", "Fault tests only: where to die.")
ECRM_OIDC_SERVER = env.text("ECRM_OIDC_SERVER", "", "OpenID Connect issuer for single sign-on.")
ECRM_OIDC_CLIENT_ID = env.text("ECRM_OIDC_CLIENT_ID", "", "Client id at that issuer.")
ECRM_OIDC_SECRET = env.text("ECRM_OIDC_SECRET", "", "Client secret at that issuer.")
ECRM_OIDC_NAME = env.text("ECRM_OIDC_NAME", "Single sign-on", "Label of the sign-in button.")

_base_url = urlsplit(ECRM_BASE_URL)
_is_https = _base_url.scheme == "https"
ALLOWED_HOSTS = [
    *env.words("ECRM_ALLOWED_HOSTS", "", "Further host names we answer to."),
    *filter(None, [_base_url.hostname]),
    *(["localhost", "127.0.0.1", "[::1]"] if ECRM_DEMO or DEBUG else []),
]
CSRF_TRUSTED_ORIGINS = [ECRM_BASE_URL]

# --- Applications ---------------------------------------------------------------------------------

INSTALLED_APPS = [
    "demo",
    "contacts",
    "orders",
    "messaging",
    "profiles",
    "backoffice",
    "company",
    "ecrm.kernel",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "template_partials",
    "django_vite",
    "csp",
    "axes",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "ecrm.kernel.web.requests.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "ecrm.kernel.web.requests.SecurityHeadersMiddleware",
    "company.middleware.ProgramsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "company.middleware.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "company.middleware.AgentSessionMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "ecrm.urls"
ASGI_APPLICATION = "ecrm.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
X_FRAME_OPTIONS = "DENY"  # for browsers without frame-ancestors; views of frames say otherwise

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "backoffice.web.context.frame",
            ],
        },
    }
]

# --- Data -----------------------------------------------------------------------------------------

_database = env.database(
    env.text("ECRM_DATABASE_URL", "postgres://ecrm@127.0.0.1:5432/ecrm", "The PostgreSQL database.")
)
_statement_timeout = env.number(
    "ECRM_STATEMENT_TIMEOUT_MS", 60_000, "Longest database statement; 5000 suits web processes."
)
_test_suffix = env.text("ECRM_TEST_DB_SUFFIX", "main", "Tells test runs on one server apart.")
DATABASES = {
    "default": {
        **_database,
        "ENGINE": "ecrm.kernel.database",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            # Generic plans: what we prepare finds single rows by index, whatever its parameters.
            "options": f"-c statement_timeout={_statement_timeout} -c lock_timeout=5000"
            " -c idle_in_transaction_session_timeout=60000 -c plan_cache_mode=force_generic_plan",
        },
        "TEST": {"NAME": f"test_ecrm_{_test_suffix}"},
    }
}

ECRM_PREPARED_STATEMENTS = env.flag(
    "ECRM_PREPARED_STATEMENTS", default=True, help_text="0 behind a pooler such as PgBouncer."
)

ECRM_REDIS_URL = env.text("ECRM_REDIS_URL", "redis://127.0.0.1:6379/0", "Redis or Valkey.")
CACHES = {
    "default": {
        "BACKEND": "ecrm.kernel.cache.ForgivingRedisCache",
        "LOCATION": ECRM_REDIS_URL,
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
        "KEY_PREFIX": "ecrm",
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        # An explicit absence of a time-out: otherwise an idle socket is closed after five seconds.
        "CONFIG": {
            "hosts": [{"address": ECRM_REDIS_URL, "socket_timeout": None}],
            "prefix": "ecrm",
        },
    }
}

# --- Identity -------------------------------------------------------------------------------------

AUTH_USER_MODEL = "company.Agent"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "company.adapters.backends.AgentBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["name", "email"]},
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"

ACCOUNT_ADAPTER = "company.adapters.accounts.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "company.adapters.accounts.SocialAccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
ACCOUNT_CHANGE_EMAIL = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
# axes counts failures by account and address in PostgreSQL; a tight limit per account alone would let
# anybody lock a colleague out.
ACCOUNT_RATE_LIMITS = {"login_failed": "20/m/ip,30/900s/key"}
PASSWORD_RESET_TIMEOUT = 3600
ACCOUNT_FORMS = {
    "login": "company.web.account_forms.LoginForm",
    "change_password": "company.web.account_forms.ChangePasswordForm",
    "set_password": "company.web.account_forms.SetPasswordForm",
    "reset_password": "company.web.account_forms.ResetPasswordForm",
    "reset_password_from_key": "company.web.account_forms.ResetPasswordKeyForm",
    "reauthenticate": "company.web.account_forms.ReauthenticateForm",
}
MFA_FORMS = {
    "authenticate": "company.web.account_forms.AuthenticateForm",
    "reauthenticate": "company.web.account_forms.FactorReauthenticateForm",
    "activate_totp": "company.web.account_forms.ActivateTOTPForm",
}
MFA_ADAPTER = "company.adapters.accounts.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = ECRM_DEMO
MFA_TOTP_ISSUER = "eCRM"
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": "sso",
                "name": ECRM_OIDC_NAME,
                "client_id": ECRM_OIDC_CLIENT_ID,
                "secret": ECRM_OIDC_SECRET,
                "settings": {"server_url": ECRM_OIDC_SERVER, "oauth_pkce_enabled": True},
            }
        ]
        if ECRM_OIDC_SERVER
        else []
    }
}
ALLAUTH_TRUSTED_PROXY_COUNT = ECRM_PROXIES

AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_SENSITIVE_PARAMETERS = ["login", "username", "password"]
AXES_USERNAME_FORM_FIELD = "login"
AXES_USERNAME_CALLABLE = "company.adapters.lockout.account_of"
AXES_CLIENT_IP_CALLABLE = "company.adapters.lockout.address_of"
AXES_LOCKOUT_CALLABLE = "company.adapters.lockout.locked_out"
AXES_VERBOSE = False

# --- Browser safety -------------------------------------------------------------------------------

SESSION_ENGINE = "company.adapters.sessions"
SESSION_COOKIE_NAME = "__Host-ecrm" if _is_https else "ecrm"
CSRF_COOKIE_NAME = "__Host-csrf" if _is_https else "csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = ECRM_SESSION_HOURS * 3600
SECURE_HSTS_SECONDS = 31_536_000 if _is_https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _is_https
SECURE_SSL_REDIRECT = False  # the reverse proxy redirects
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ECRM_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"  # browsers send `Origin: null` with less, and CSRF refuses
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "manifest-src": [SELF],
        # The sign-in form is redirected to the issuer, which browsers count as part of the form.
        "form-action": [SELF, *filter(None, [_origin_of(ECRM_OIDC_SERVER)])],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
ECRM_MAX_BODY = 40 * 1024 * 1024
# Where tables of customers are brought, which are larger than anything else.
ECRM_LARGER_BODIES = {"/customers/imports/new/": 257 * 1024 * 1024}

# --- Language, time, files, mail ------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French")), ("de", _("German"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = _is_https
TIME_ZONE = "Europe/Paris"

STATIC_URL = "/static/"
STATIC_ROOT = ECRM_STATE_DIR / "static"
STATICFILES_DIRS = [path for path in [BASE_DIR / "frontend" / "dist"] if path.is_dir()]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
MEDIA_ROOT = ECRM_STATE_DIR / "files"
# Vite names its files by content, so browsers may keep them for ever.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^.+[.-][0-9a-zA-Z_-]{8,12}\..+$"
DJANGO_VITE = {
    "default": {
        "dev_mode": False,
        "manifest_path": BASE_DIR / "frontend" / "dist" / ".vite" / "manifest.json",
    }
}
DEFAULT_FROM_EMAIL = ECRM_MAIL_FROM
EMAIL_BACKEND = "messaging.adapters.email.QueueEmailBackend"

# --- API ------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["company.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["ecrm.kernel.drf.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["ecrm.kernel.drf.JsonRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "ecrm.kernel.drf.QuickNegotiation",
    "DEFAULT_PARSER_CLASSES": ["ecrm.kernel.drf.StrictJsonParser"],
    "DEFAULT_PAGINATION_CLASS": "ecrm.kernel.drf.CursorPage",
    "DEFAULT_THROTTLE_CLASSES": ["ecrm.kernel.drf.KeyThrottle"],
    "DEFAULT_SCHEMA_CLASS": "ecrm.kernel.schema.ProblemSchema",
    "EXCEPTION_HANDLER": "ecrm.kernel.drf.problem_response",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
}
ECRM_API_RATE = env.number("ECRM_API_RATE", 6000, "API requests per key and minute.")
SPECTACULAR_SETTINGS = {
    "TITLE": "eCRM API",
    "DESCRIPTION": "Orders, carts, customers and requests of a shop.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "TicketChannel": "contacts.models.Ticket.Channel",
        "OpeningChannel": "contacts.api.serializers.CHANNELS",
        "ConsentAnswer": "profiles.models.consents.Answer",
    },
}

LOGGING_CONFIG = "ecrm.kernel.logs.configure"
LOGGING = {"format": ECRM_LOG_FORMAT}
SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # addresses are unique whatever their case, by a constraint on lower(email)
    "security.W008",  # the reverse proxy redirects to https
]
