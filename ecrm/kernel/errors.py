"""Refusals that the person or program in front of us can understand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class DomainError(Exception):
    """A service refuses, for a reason worth telling.

    Subclasses live beside the service that raises them and carry a stable `code`. The web edge turns
    one into a message or field errors, the API edge into problem+json with `status`.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409

    def __init__(
        self,
        message: str,
        *,
        fields: Mapping[str, str] | None = None,
        codes: Mapping[str, str] | None = None,
    ) -> None:
        """`fields` maps a field or JSON pointer to its text, `codes` the same key to a stable code."""
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})
        self.codes = dict(codes or {})


class InvalidDocument(DomainError):
    """Input with one or more faults, each named by its JSON pointer; `fields` maps pointer to text."""

    code = "invalid_document"
    status = 422
