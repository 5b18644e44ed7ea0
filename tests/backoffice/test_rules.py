from datetime import UTC, datetime, timedelta

import pytest

from backoffice import rules

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hour", "part"),
    [
        (0, "night"),
        (4, "night"),
        (5, "morning"),
        (11, "morning"),
        (12, "afternoon"),
        (17, "afternoon"),
        (18, "evening"),
    ],
)
def test_the_greeting_follows_the_hour(hour, part):
    assert rules.part_of_day(NOON.replace(hour=hour)) == part


def test_an_agent_is_online_while_his_browser_spoke_a_moment_ago():
    assert rules.is_online(NOON - timedelta(seconds=89), at=NOON)
    assert not rules.is_online(NOON - timedelta(seconds=91), at=NOON)
    assert not rules.is_online(None, at=NOON)


def test_topics_from_a_browser_are_bounded_and_clean():
    topics = [
        "orders:shop:1",
        "orders:shop:1",
        7,
        None,
        "",
        "x" * 101,
        "ticket:é",
        *[f"ticket:{n}" for n in range(100)],
    ]

    sound = rules.sound_topics(topics)

    assert sound[0] == "orders:shop:1"
    assert len(sound) == rules.TOPIC_LIMIT
    assert len(set(sound)) == len(sound)
    assert "ticket:é" not in sound


def test_the_kind_of_a_topic_stands_before_the_colon():
    assert rules.topic_prefix("ticket:42") == "ticket"
    assert rules.topic_prefix("outbox") == "outbox"
