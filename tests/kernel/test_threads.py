"""The pool of threads behind the ASGI server, spoken to as a server would."""

from __future__ import annotations

import asyncio
import io
import threading

import pytest
from django.http import HttpResponse, StreamingHttpResponse

from ecrm.kernel.web.threads import ThreadedPages, environ_of

SCOPE = {
    "type": "http", "method": "GET", "path": "/é/", "query_string": b"a=1", "http_version": "1.1",
    "scheme": "https", "server": ("shop.example", 443), "client": ("192.0.2.7", 5000), "headers": [],
}  # fmt: skip


class Wsgi:
    """A handler that answers with one response and remembers who asked."""

    def __init__(self, response):
        self.response, self.threads = response, set()

    def __call__(self, environ, start_response):
        self.threads.add(threading.current_thread().name)
        self.body = environ["wsgi.input"].read()
        headers = [
            *self.response.items(),
            *(("Set-Cookie", c.OutputString()) for c in self.response.cookies.values()),
        ]
        start_response(f"{self.response.status_code} OK", headers)
        return self.response


def ask(wsgi, *, body=b"", send=None):
    sent = []

    async def keep(message):
        sent.append(dict(message))

    pages = ThreadedPages(wsgi, program_paths=("/api/",))
    asyncio.run(pages(dict(SCOPE), io.BytesIO(body), send or keep))
    return sent


def test_an_ordinary_answer_comes_in_one_piece_with_all_its_cookies():
    response = HttpResponse("Bonjour", status=201)
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    wsgi = Wsgi(response)

    start, body = ask(wsgi, body=b"question")

    assert start["status"] == 201
    assert [v for k, v in start["headers"] if k == b"set-cookie"] == [
        b"a=1; Path=/",
        b"b=2; Path=/",
    ]
    assert body == {"type": "http.response.body", "body": b"Bonjour"}
    assert wsgi.body == b"question"
    assert wsgi.threads == {"people_0"}
    assert response.closed


def test_a_stream_comes_piece_by_piece_and_is_closed():
    response = StreamingHttpResponse(iter([b"one,", b"two"]))

    sent = ask(Wsgi(response))

    assert [m.get("body") for m in sent] == [None, b"one,", b"two", b""]
    assert [m.get("more_body") for m in sent] == [None, True, True, None]
    assert response.closed


def test_a_stream_to_somebody_who_hung_up_ends_and_is_closed():
    produced = []

    def pieces():
        for number in range(1000):
            produced.append(number)
            yield b"x"

    async def hung_up(message):
        if message["type"] == "http.response.body":
            raise ConnectionResetError

    response = StreamingHttpResponse(pieces())
    ask(Wsgi(response), send=hung_up)

    assert produced == [0]
    assert response.closed


def test_a_failure_of_the_handler_reaches_the_server():
    def broken(environ, start_response):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(broken)


def test_what_one_request_sets_in_its_context_is_not_seen_by_the_next():
    from django.utils import translation

    def french(environ, start_response):
        found.append(translation.get_language())
        translation.activate("fr")
        start_response("200 OK", [])
        return HttpResponse()

    found = []
    pages = ThreadedPages(french, program_paths=())

    async def twice():
        async def ignore(message):
            pass

        for _time in range(2):
            await pages(dict(SCOPE), io.BytesIO(), ignore)

    asyncio.run(twice())

    assert found[0] == found[1]


def test_the_environment_is_that_of_pep_3333():
    headers = [
        (b"host", b"shop.example"), (b"content-type", b"text/plain"), (b"content-length", b"3"),
        (b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"x-many", b"1"), (b"x-many", b"2"),
        (b"x_forwarded_for", b"10.0.0.1"),
    ]  # fmt: skip
    environ = environ_of({**SCOPE, "headers": headers}, io.BytesIO())

    assert environ["PATH_INFO"].encode("latin-1").decode() == "/é/"
    assert environ["QUERY_STRING"] == "a=1"
    assert environ["CONTENT_TYPE"] == "text/plain"
    assert environ["CONTENT_LENGTH"] == "3"
    assert environ["HTTP_HOST"] == "shop.example"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_X_MANY"] == "1,2"
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["REMOTE_ADDR"] == "192.0.2.7"
    assert "HTTP_X_FORWARDED_FOR" not in environ


def test_pages_of_people_find_a_thread_while_programs_wait_for_theirs():
    is_answered = threading.Event()

    def wsgi(environ, start_response):
        if environ["PATH_INFO"].startswith("/api/"):
            is_answered.wait(timeout=30)
        else:
            is_answered.set()
        return Wsgi(HttpResponse("Bonjour"))(environ, start_response)

    async def flood_and_look():
        pages = ThreadedPages(wsgi, program_paths=("/api/",))
        paths = ["/api/v1/orders/1"] * 50 + ["/inbox/"]
        async with asyncio.timeout(20):
            await asyncio.gather(
                *(pages({**SCOPE, "path": path}, io.BytesIO(), quiet) for path in paths)
            )

    async def quiet(message):
        del message

    asyncio.run(flood_and_look())

    assert is_answered.is_set()
