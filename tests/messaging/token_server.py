"""A real token endpoint of OAuth 2 on loopback, as strict as the great providers."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from messaging.rules import sign_in

CLIENT_ID, CLIENT_SECRET = "ecrm-client", "s3cret-client"


@dataclass
class TokenServer:
    """Hands out access tokens for codes and refresh tokens; `asked` is what it heard."""

    challenges: dict[str, str] = field(default_factory=dict)
    refresh_tokens: set[str] = field(default_factory=set)
    access_tokens: set[str] = field(default_factory=set)
    asked: list[dict[str, str]] = field(default_factory=list)
    seconds: int = 3600
    rotates: bool = False
    broken: int = 0

    def __post_init__(self) -> None:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = owner.answer(dict(parse_qsl(body.decode())))
                raw = json.dumps(answer).encode()
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", f"{owner.url}elsewhere")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.place}/token"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def allow(self, authorization_url: str, *, code: str) -> dict[str, str]:
        """What a browser brings back after the owner of the mailbox said yes on this page."""
        asked = dict(parse_qsl(urlsplit(authorization_url).query))
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        self.challenges[code] = asked["code_challenge"]
        return {"state": asked["state"], "code": code}

    def answer(self, asked: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.asked.append(asked)
        if self.broken:
            return self.broken, {}
        if (asked.get("client_id"), asked.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        if asked["grant_type"] == "authorization_code":
            challenge = self.challenges.pop(asked["code"], "")
            if sign_in.challenge(asked["code_verifier"]) != challenge:
                return 400, {"error": "invalid_grant"}
            return 200, self._tokens(is_first=True)
        if asked["refresh_token"] not in self.refresh_tokens:
            return 400, {"error": "invalid_grant", "error_description": "Token has been revoked."}
        return 200, self._tokens(is_first=self.rotates)

    def _tokens(self, *, is_first: bool) -> dict[str, Any]:
        number = len(self.asked)
        self.access_tokens.add(f"access-{number}")
        given: dict[str, Any] = {
            "access_token": f"access-{number}",
            "token_type": "Bearer",
            "expires_in": self.seconds,
        }
        if is_first:
            self.refresh_tokens = {f"refresh-{number}"}
            given["refresh_token"] = f"refresh-{number}"
        return given
