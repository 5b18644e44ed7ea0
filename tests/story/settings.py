"""The product's settings; static files come straight from where they were built."""

from ecrm.settings import *  # noqa: F403

WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
