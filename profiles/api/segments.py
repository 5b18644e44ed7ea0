"""REST: the segments of a customer."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecrm.kernel.drf import key_of
from profiles.api.views import READ, visible_or_404
from profiles.models import Segment
from profiles.queries import segments


class SegmentOfProfileOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=Segment.Kind.choices)
    since = serializers.DateTimeField()


class SegmentsOfProfileOut(serializers.Serializer[Any]):
    results = SegmentOfProfileOut(many=True)


class ProfileSegmentsView(APIView):
    """The segments and lists a customer of the key's shop is in."""

    required_scopes: ClassVar[dict[str, str]] = READ

    @extend_schema(
        operation_id="get_profile_segments",
        summary="List the segments of a customer",
        description="Segments and lists of the key's shop and of the whole company, by name.",
        responses={200: SegmentsOfProfileOut},
    )
    def get(self, request: Request, profile_id: str) -> Response:
        shop_id = key_of(request).shop_id
        found = segments.segments_of(visible_or_404(profile_id, shop_id), shop_ids=[shop_id])
        return Response(SegmentsOfProfileOut({"results": found}).data)
