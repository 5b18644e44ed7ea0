"""One HTTP call to a provider, and what its status means for an SMS.

Every call goes through the guarded client: a gateway in the own network is called where the operator
names it in `ECRM_PRIVATE_HOSTS`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal

import httpx

from ecrm.kernel.errors import DomainError
from ecrm.kernel.http import egress
from messaging.transports.smtp import Reply, Result

SECONDS: Final = 15.0
NOT_HANDED_OVER: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
Method = Literal["GET", "POST"]
_TROUBLE: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "account_refused",
    HTTPStatus.PAYMENT_REQUIRED: "no_credit",
    HTTPStatus.FORBIDDEN: "account_refused",
    HTTPStatus.NOT_FOUND: "account_refused",
    HTTPStatus.REQUEST_TIMEOUT: "try_later",
    HTTPStatus.TOO_MANY_REQUESTS: "try_later",
    HTTPStatus.SERVICE_UNAVAILABLE: "server_unreachable",
}
"""Answers about the account or the provider: no other SMS would fare better at the moment."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider answered; `data` is the JSON object in it, `number` the JSON number."""

    status: int
    data: Mapping[str, Any]
    number: int = 0

    @property
    def is_good(self) -> bool:
        """Whether it took the request."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class NoAnswer(Exception):
    """There is no answer; `may_have_it` says whether the request was on its way."""

    def __init__(self, text: str, *, may_have_it: bool) -> None:
        super().__init__(text)
        self.may_have_it = may_have_it


def call(method: Method, url: str, *, headers: Mapping[str, str], content: bytes = b"") -> Answer:
    """The provider's answer. Raises NoAnswer."""
    try:
        response = egress.request(
            method, url, content=content, headers=headers, timeout=SECONDS, follows=False
        )
    except DomainError as error:
        raise NoAnswer(error.message, may_have_it=error.code == "answer_too_large") from error
    except NOT_HANDED_OVER as error:
        raise NoAnswer(_name(error), may_have_it=False) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        may_have_it = isinstance(error, httpx.HTTPError)
        raise NoAnswer(_name(error), may_have_it=may_have_it) from error
    found = _read(response.content)
    return Answer(
        response.status_code,
        found if isinstance(found, dict) else {},
        found if isinstance(found, int) else 0,
    )


def without_answer(error: NoAnswer) -> Result:
    """How an SMS fared whose request got no answer."""
    if error.may_have_it:
        return Result(outcome="unknown", text=str(error))
    return Result(outcome="closed", text=str(error), reason="server_unreachable")


def refused(answer: Answer, *, said: str, reason: str = "") -> Result:
    """How an SMS fared that the provider did not take. `reason` is what its own code means for the number.

    Behind an error of the server itself the SMS may be on its way.
    """
    reply = Reply(code=answer.status, text=" ".join(said.split())[:500])
    if reason:
        return Result(outcome="rejected", reply=reply, reason=reason)
    if trouble := _TROUBLE.get(answer.status):
        return Result(outcome="closed", reply=reply, reason=trouble)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.is_good:
        return Result(outcome="unknown", text=f"{answer.status} {reply.text}".strip())
    return Result(outcome="rejected", reply=reply, reason="refused")


def _read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
