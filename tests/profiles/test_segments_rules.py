"""Rule trees: what is read, what is refused, and where the fault stands."""

from __future__ import annotations

import pytest

from profiles.queries import segments_checking as checking
from profiles.rules import segments as rules
from profiles.services import segments as editing
from tests.company.factories import ShopFactory
from tests.profiles.factories import MET_AT
from tests.profiles.segment_world import FROM_FRANCE, all_of, any_of, make, none_of, rule

pytestmark = pytest.mark.django_db


def faults(document, **more) -> dict[str, str]:
    with pytest.raises(checking.FaultyRules) as refusal:
        checking.checked(document, **more)
    assert refusal.value.code == "faulty_rules"
    assert refusal.value.status == 422
    return refusal.value.fields


def test_groups_may_be_nested_and_mixed():
    document = all_of(FROM_FRANCE, any_of(FROM_FRANCE, none_of(FROM_FRANCE)))

    found = checking.checked(document)

    assert [leaf.pointer for leaf in rules.leaves(found.tree)] == [
        "/and/0",
        "/and/1/or/0",
        "/and/1/or/1/not/or/0",
    ]


@pytest.mark.parametrize(
    ("document", "pointer", "words"),
    [
        (None, "", "group or a condition"),
        ([FROM_FRANCE], "", "group or a condition"),
        ({"and": []}, "/and", "Add a condition"),
        ({"and": FROM_FRANCE}, "/and", "list of conditions"),
        ({"and": [FROM_FRANCE], "or": []}, "/or", "nothing beside"),
        ({"and": [FROM_FRANCE, 7]}, "/and/1", "group or a condition"),
        ({"criterion": "no.such", "operator": "is"}, "/criterion", "no such criterion"),
        ({"criterion": ["x"], "operator": "is"}, "/criterion", "no such criterion"),
        (rule("profile.country", "above", "FR"), "/operator", "is, is_not, one_of"),
        (rule("profile.country", "is"), "/value", "missing"),
        (rule("profile.country", "is", 7), "/value", "text"),
        (rule("profile.city", "is", "x" * 201), "/value", "longer than"),
        (rule("profile.city", "is", "a\x00b"), "/value", "unusable"),
        (rule("profile.city", "is", "\ud800"), "/value", "unusable"),
        (rule("profile.city", "is", "Lyon", **{"a/b": 1}), "/a~1b", "Nobody asked"),
        (rule("profile.gender", "is", "robot"), "/value", "none of the choices"),
        (rule("profile.country", "one_of", "FR"), "/value", "list of at most"),
        (rule("profile.city", "one_of", ["Lyon", 3]), "/value/1", "text"),
        (rule("figures.orders", "at_least", "many"), "/value", "number"),
        (rule("figures.orders", "at_least", 1.5), "/value", "whole"),
        (rule("figures.orders", "at_least", True), "/value", "number"),
        (rule("figures.orders", "at_least", -1), "/value", "between"),
        (rule("figures.orders", "at_least", float("nan")), "/value", "number"),
        (rule("figures.revenue", "at_least", 100), "/value", "amount and its currency"),
        (
            rule("figures.revenue", "at_least", {"amount": "1", "currency": "euro"}),
            "/value/currency",
            "three capital",
        ),
        (
            rule("figures.revenue", "at_least", {"amount": "x", "currency": "EUR"}),
            "/value/amount",
            "number",
        ),
        (rule("profile.last_seen", "after", "yesterday"), "/value", "YYYY-MM-DD"),
        (rule("profile.last_seen", "last_days", days=0), "/days", "between"),
        (rule("segment.member", "in", segment="x"), "/segment", "id of a segment"),
        (rule("segment.member", "in", segment=99999), "/segment", "no such segment"),
        (rule("sample.share", "is", 101), "/value", "between"),
    ],
)
def test_a_fault_is_told_with_its_place(document, pointer, words):
    found = faults(document)

    assert list(found) == [pointer]
    assert words in found[pointer]


def test_every_fault_of_a_document_is_told_at_once():
    document = all_of(rule("profile.country", "is"), any_of(rule("no.such", "is"), {"and": []}))

    assert set(faults(document)) == {"/and/0/value", "/and/1/or/0/criterion", "/and/1/or/1/and"}


def test_groups_are_nested_eight_deep_and_no_deeper():
    document = FROM_FRANCE
    for _level in range(7):
        document = all_of(document)
    checking.checked(document)

    assert list(faults(all_of(document))) == ["/and/0" * 8]


def test_a_hundred_conditions_are_enough():
    checking.checked(all_of(*[FROM_FRANCE] * 100))

    assert list(faults(all_of(*[FROM_FRANCE] * 101))) == [""]
    assert list(faults(all_of(any_of(*[FROM_FRANCE] * 60), any_of(*[FROM_FRANCE] * 41)))) == [""]


def test_segments_of_segments_count_their_conditions_too():
    inner = make(any_of(*[FROM_FRANCE] * 90), at=MET_AT)
    uses = rule("segment.member", "in", segment=inner.pk)

    assert list(faults(any_of(*[uses] * 5))) == [""]


def test_a_segment_may_not_contain_itself_by_any_way():
    first = make(FROM_FRANCE, at=MET_AT, name="First")
    second = make(rule("segment.member", "in", segment=first.pk), at=MET_AT, name="Second")
    third = make(rule("segment.member", "not_in", segment=second.pk), at=MET_AT, name="Third")

    for other in (first, second, third):
        with pytest.raises(checking.FaultyRules) as refusal:
            editing.change_segment(
                first.pk,
                name="First",
                rules=all_of(FROM_FRANCE, rule("segment.member", "in", segment=other.pk)),
                by=None,
            )
        assert "would contain itself: First" in refusal.value.fields["/and/1/segment"]


def test_a_segment_speaks_of_segments_of_the_same_shop_only():
    shop = ShopFactory()
    everywhere = make(FROM_FRANCE, at=MET_AT)
    here = make(FROM_FRANCE, at=MET_AT, shop_id=shop.pk)

    checking.checked(rule("segment.member", "in", segment=here.pk), shop_id=shop.pk)
    for segment, shop_id in ((everywhere, shop.pk), (here, None), (here, ShopFactory().pk)):
        document = rule("segment.member", "in", segment=segment.pk)
        assert list(faults(document, shop_id=shop_id)) == ["/segment"]
