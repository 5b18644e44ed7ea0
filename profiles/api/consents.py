"""REST for the programs of shops: what a customer allows."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecrm.kernel.drf import key_of
from ecrm.kernel.errors import InvalidDocument
from ecrm.kernel.idempotency import IdempotentMixin
from profiles import queries
from profiles.models.consents import Answer, Channel, Purpose
from profiles.queries import consents as consent_queries
from profiles.services import consents

MOST_DIGITS = 18
ANSWERS = {"grant": Answer.GRANTED, "withdraw": Answer.WITHDRAWN, "ask": Answer.PENDING}
IDENTIFIERS = ("email", "phone", "customer_id")


class ConsentIn(serializers.Serializer[Any]):
    """What a customer said, and how the shop can prove it."""

    profile = serializers.CharField(required=False, max_length=20, help_text="Id of the customer.")
    email = serializers.CharField(required=False, max_length=254)
    phone = serializers.CharField(required=False, max_length=40)
    customer_id = serializers.CharField(required=False, max_length=254)
    channel = serializers.ChoiceField(choices=Channel.choices)
    purpose = serializers.ChoiceField(choices=Purpose.choices)
    action = serializers.ChoiceField(
        choices=list(ANSWERS), help_text="`ask` sends a mail with a link that grants."
    )
    source = serializers.CharField(  # type: ignore[assignment] # a field of this name
        max_length=20, help_text="Where: form, checkout, account …"
    )
    text_version = serializers.CharField(required=False, allow_blank=True, max_length=40)
    text = serializers.CharField(
        required=False, allow_blank=True, max_length=10_000, help_text="The words of this version."
    )
    language = serializers.CharField(required=False, allow_blank=True, max_length=12)
    address = serializers.CharField(required=False, allow_blank=True, max_length=254)
    ip = serializers.IPAddressField(required=False, allow_null=True)
    proof = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="Reference of a document."
    )
    answered_at = serializers.DateTimeField(required=False)


class ConsentOut(serializers.Serializer[Any]):
    """The new entry of the ledger, and where the customer stands now."""

    id = serializers.CharField()
    profile = serializers.CharField()
    channel = serializers.CharField()
    purpose = serializers.CharField()
    answer = serializers.ChoiceField(choices=Answer.choices)
    stands = serializers.ChoiceField(choices=Answer.choices)
    since = serializers.DateTimeField()


class ConsentView(IdempotentMixin, APIView):
    """The ledger of consents."""

    required_scopes: ClassVar[dict[str, str]] = {"POST": "profiles:write"}

    @extend_schema(
        operation_id="record_consent",
        summary="Grant or withdraw a consent, with proof",
        description=(
            "Adds an entry to the ledger about a customer whom the key's shop knows, named by id or by "
            "one identifier. Entries are never changed. An answer older than the one that stands is "
            "kept and changes nothing. A version of a text has one wording for ever."
        ),
        parameters=[
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER, description="8 to 255 characters."
            )
        ],
        request=ConsentIn,
        responses={201: ConsentOut},
    )
    def post(self, request: Request) -> Response:
        told = ConsentIn(data=request.data)
        told.is_valid(raise_exception=True)
        values = told.validated_data
        shop_id = key_of(request).shop_id
        profile_id = _customer(values, shop_id=shop_id)
        answer = ANSWERS[values["action"]]
        entry_id = consents.record(
            profile_id,
            shop_id=shop_id,
            channel=values["channel"],
            purpose=values["purpose"],
            answer=answer,
            evidence=_evidence(values),
            at=values.get("answered_at"),
        )
        stands = next(
            standing
            for standing in consent_queries.standings(profile_id, shop_ids=[shop_id])
            if (standing.channel, standing.purpose) == (values["channel"], values["purpose"])
        )
        entry = {
            "id": entry_id,
            "profile": profile_id,
            "channel": values["channel"],
            "purpose": values["purpose"],
            "answer": answer,
            "stands": stands.answer,
            "since": stands.since,
        }
        return Response(ConsentOut(entry).data, status=201)


def _evidence(values: dict[str, Any]) -> consents.Evidence:
    return consents.Evidence(
        source=values["source"],
        version=values.get("text_version", ""),
        text=values.get("text", ""),
        language=values.get("language", ""),
        address=values.get("address") or values.get("email") or "",
        ip=values.get("ip"),
        proof=values.get("proof", ""),
    )


def _customer(values: dict[str, Any], *, shop_id: int) -> int:
    """Whom the document names, among the customers of the shop. Raises NotFound, InvalidDocument."""
    named = {name: values[name] for name in IDENTIFIERS if values.get(name)}
    if values.get("profile"):
        return _by_id(values["profile"], shop_id)
    if not named:
        text = "Name the customer by `profile`, `email`, `phone` or `customer_id`."
        raise InvalidDocument(text, fields={"/profile": text})
    found = queries.of_shop(shop_id, **named).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound
    return found


def _by_id(text: str, shop_id: int) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    profile_id = queries.survivor(int(text)) if is_number else 0
    if not queries.is_known_to(profile_id, [shop_id]):
        raise NotFound
    return profile_id
