"""Proofs that a call comes from the provider which we gave our address to."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import parse_qs

from django.utils.crypto import constant_time_compare

from messaging.transports.sms.parts import Account, Posted


def shows_key(account: Account, posted: Posted) -> bool:
    """Whether the call shows the account's key: as a password, as a bearer, or as `key` in its address.

    For providers which do not sign. Compares in constant time and looks at all.
    """
    shown = {_password(posted), _bearer(posted), _in_address(posted)} - {""}
    matches = [constant_time_compare(one, key) for key in account.hook_keys for one in shown]
    return any(matches)


def _password(posted: Posted) -> str:
    scheme, _, value = posted.headers.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value).decode("utf-8", "replace").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _bearer(posted: Posted) -> str:
    scheme, _, value = posted.headers.get("HTTP_AUTHORIZATION", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _in_address(posted: Posted) -> str:
    return parse_qs(posted.query).get("key", [""])[-1]
