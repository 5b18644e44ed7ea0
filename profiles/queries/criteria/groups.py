"""What segments ask about other segments, and the luck of the draw."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from profiles.extensions import Asked, Condition, Criterion, Input, Operator, Scope, ValueKind
from profiles.queries.criteria.sql import sql

GROUPS = _("Segments and samples")
NO_FACT: frozenset[str] = frozenset()
PARTS = 10_000


def all_criteria() -> tuple[Criterion, ...]:
    """Every criterion of this file."""
    segment = Input(key="segment", kind=ValueKind.SEGMENT)
    share = Input(kind=ValueKind.NUMBER, after=_("% of all customers"), least=0, most=100)
    draw = Input(
        key="draw", kind=ValueKind.INTEGER, before=_("draw no."), is_optional=True, most=1_000_000
    )
    return (
        Criterion(
            key="segment.member",
            label=_("Segment or list"),
            group=GROUPS,
            operators=(
                Operator(key="in", label=_("is in")),
                Operator(key="not_in", label=_("is not in")),
            ),
            inputs=(segment,),
            # The facts of its own conditions are added when a tree is compiled.
            facts=NO_FACT,
            compile=_member,
            order=80,
        ),
        Criterion(
            key="sample.share",
            label=_("Random sample"),
            group=GROUPS,
            operators=(Operator(key="is", label=_("of"), inputs=(share,)),),
            inputs=(draw,),
            facts=NO_FACT,
            compile=_sample,
            order=81,
        ),
    )


def _member(asked: Asked, scope: Scope) -> Condition:
    found = scope.member(asked.values["segment"])
    if asked.operator == "in":
        return found
    return Condition(test=sql("({}) IS NOT TRUE", found.test), flip=found.flip, value=found.value)


def _sample(asked: Asked, _scope: Scope) -> Condition:
    """The same customers for the same draw, for ever; another draw is independent of it."""
    parts = int(asked.value * (PARTS // 100)) if isinstance(asked.value, Decimal) else 0
    number = sql(
        "mod(abs(mod(hashint8extended(p.id, {}), {})), {})", asked.values["draw"] or 0, PARTS, PARTS
    )
    return Condition(test=sql("{} < {}", number, parts), value=sql("{} / 100.0", number))
