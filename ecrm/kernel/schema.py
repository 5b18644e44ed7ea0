"""What the OpenAPI document says of every operation: key authentication and problem answers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema

PROBLEMS = {
    "400": "The body is not valid JSON or a parameter is malformed.",
    "401": "The API key is missing, unknown, expired or revoked.",
    "403": "The API key lacks the scope.",
    "404": "There is no such object in the key's shop.",
    "409": "The state of the object does not allow this.",
    "413": "The body is too large.",
    "415": "The body is not application/json.",
    "422": "The document has faults, each with a pointer.",
    "429": "Too many requests; see Retry-After.",
}
PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; made for programs."},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
        "request_id": {"type": "string"},
    },
}


class ProblemSchema(AutoSchema):
    """Adds the problem answers that every operation may give."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """The operation with its problem answers."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        for status, description in PROBLEMS.items():
            operation["responses"].setdefault(
                status,
                {
                    "description": description,
                    "content": {"application/problem+json": {"schema": PROBLEM_SCHEMA}},
                },
            )
        return operation


class MoneyFieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Describes an amount with its currency."""

    target_class = "ecrm.kernel.drf.MoneyField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        """An object of two strings."""
        return {
            "type": "object",
            "required": ["amount", "currency"],
            "properties": {
                "amount": {"type": "string", "examples": ["12.90"]},
                "currency": {"type": "string", "examples": ["EUR"]},
            },
        }


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes the bearer key."""

    target_class = "company.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """An HTTP bearer token."""
        return {"type": "http", "scheme": "bearer", "description": "An API key of the shop."}
