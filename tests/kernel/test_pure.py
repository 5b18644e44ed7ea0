"""Parts of the kernel that need no database."""

from __future__ import annotations

import asyncio
import json
import logging
from decimal import Decimal

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from ecrm.kernel import crypto, drf, failpoints, http, logs
from ecrm.kernel.money import Money, is_currency, minor_units
from ecrm.kernel.web.bodies import BufferedBodies


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": ["\\u0000"]}',
        b"\xff",
        b"{",
        b"9" * 5000,
    ],
)
def test_a_body_that_cannot_be_kept_is_refused(body):
    with pytest.raises(ValueError, match=r".+"):
        drf.strict_json(body)


def test_absurd_nesting_is_refused_without_falling_over():
    with pytest.raises(RecursionError):
        drf.strict_json(b"[" * 200_000)


def test_numbers_with_a_fraction_stay_exact_and_escaped_letters_stay_letters():
    document = drf.strict_json(rb'{"a": 0.1, "b": "caf\u00e9 \ud83d\ude00"}')

    assert document == {"a": Decimal("0.1"), "b": "café 😀"}


@given(st.recursive(st.none() | st.booleans() | st.integers(-(10**15), 10**15), st.lists))
def test_every_plain_document_passes(document):
    assert drf.strict_json(json.dumps(document).encode()) == document


def test_money_knows_the_minor_units_of_its_currency():
    assert Money(Decimal("12.9"), "EUR").as_json() == {"amount": "12.90", "currency": "EUR"}
    assert Money(Decimal(500), "JPY").as_json()["amount"] == "500"
    assert (minor_units("TND"), minor_units("RSD")) == (3, 2)
    assert is_currency("CHF")
    assert not is_currency("EURO")


def test_money_reads_as_the_reader_writes_it():
    assert Money(Decimal("1234.5"), "EUR").in_words_of("fr") == "1\u202f234,50\xa0€"
    assert Money(Decimal("1234.5"), "CHF").in_words_of("de-CH").startswith("CHF")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "192.168.0.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "ff02::1",
    ],
)
def test_an_address_inside_the_house_is_never_public(address):
    import ipaddress

    assert not http.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com",
        "http://example.com:22/",
        "https://example.com:80/",
        "http://user:secret@example.com/",
        "http:///nowhere",
        "http://127.0.0.1/",
        "http://localhost/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "//example.com/",
        "http://exa mple.com/",
    ],
)
def test_a_forbidden_url_is_refused_before_any_connection(url):
    with pytest.raises(http.ForbiddenAddress):
        http.egress.request("GET", url)


def test_only_allow_listed_fields_and_no_exception_text_reach_the_log():
    try:
        raise ValueError("anna@example.com is unknown")
    except ValueError as error:
        record = logging.LogRecord(
            "orders.services", logging.ERROR, "x.py", 1, "order_failed", None,
            (type(error), error, error.__traceback__),
        )  # fmt: skip
    record.order_id = 4
    record.email = "anna@example.com"

    line = logs.JsonFormatter().format(record)

    assert json.loads(line)["order_id"] == 4
    assert json.loads(line)["error"] == "ValueError"
    assert "anna" not in line


def test_a_librarys_message_is_logged_without_its_arguments():
    record = logging.LogRecord("lib", logging.INFO, "x.py", 1, "sent to %s", ("anna@x.ch",), None)

    assert json.loads(logs.JsonFormatter().format(record))["event"] == "sent to %s"


def test_a_secret_survives_a_rotation_of_keys_but_not_the_loss_of_all():
    from cryptography.fernet import Fernet

    old, new, other = (Fernet.generate_key().decode() for _ in range(3))

    def with_keys(keys, call):
        crypto._box.cache_clear()
        with override_settings(ECRM_FIELD_KEYS=keys):
            try:
                return call()
            finally:
                crypto._box.cache_clear()

    token = with_keys([old], lambda: crypto.encrypt("mailbox password"))
    assert "mailbox" not in token
    assert with_keys([new, old], lambda: crypto.decrypt(token)) == "mailbox password"
    with pytest.raises(crypto.Undecipherable):
        with_keys([other], lambda: crypto.decrypt(token))


def test_a_failpoint_has_one_name_and_does_nothing_unless_armed():
    point = failpoints.declare("tests.harmless")

    point.hit()

    assert "tests.harmless" in failpoints.names()
    with pytest.raises(RuntimeError):
        failpoints.declare("tests.harmless")


class Recorder:
    """An ASGI application and the messages around it."""

    def __init__(self, blocks: list[bytes], *, length: int | None = None, stall: bool = False):
        self.blocks, self.stall = list(blocks), stall
        headers = [] if length is None else [(b"content-length", str(length).encode())]
        self.scope = {
            "type": "http",
            "path": "/",
            "headers": headers or [(b"transfer-encoding", b"chunked")],
        }
        self.sent: list[dict] = []
        self.body: bytes | None = None

    async def app(self, scope, body, send):
        self.body = body.read()

    async def receive(self):
        if self.stall:
            await asyncio.sleep(10)
        block = self.blocks.pop(0)
        return {"type": "http.request", "body": block, "more_body": bool(self.blocks)}

    async def send(self, message):
        self.sent.append(message)

    def run(self, **options):
        shim = BufferedBodies(self.app, **options)
        asyncio.run(shim(self.scope, self.receive, self.send))
        return self


def test_the_application_sees_a_body_only_when_it_is_whole():
    recorder = Recorder([b"a" * 300_000, b"b" * 10]).run(limit=1_000_000)

    assert recorder.body == b"a" * 300_000 + b"b" * 10


def test_a_body_beyond_the_limit_is_refused_declared_or_not():
    declared = Recorder([b""], length=50).run(limit=40)
    chunked = Recorder([b"x" * 30, b"y" * 30]).run(limit=40)

    assert [r.sent[0]["status"] for r in (declared, chunked)] == [413, 413]
    assert declared.body is None
    assert chunked.body is None


def test_a_body_that_never_ends_is_refused():
    recorder = Recorder([b"x"], stall=True).run(limit=40, seconds=0.05)

    assert recorder.sent[0]["status"] == 408
    assert recorder.body is None
