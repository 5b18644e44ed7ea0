"""The same story again and again while the product's processes are killed and Redis forgets."""

from __future__ import annotations

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.story.people import Conversation, Desk
from tests.story.verdict import assert_told_once

if TYPE_CHECKING:
    from tests.story.conftest import Story

pytestmark = pytest.mark.faults

KILLS = 10
FLUSH_EVERY = 4
PAUSE = (1.5, 5.0)
TELLERS = 4


def test_kills_and_flushes_lose_and_double_nothing(tell):
    seed = int(os.environ.get("ECRM_STORY_SEED") or time.time())
    tell_reader(f"ECRM_STORY_SEED={seed}")
    with tell() as story:
        chaos = Chaos(story, Random(seed))
        chaos.start()
        names = _tell_until(story, chaos.is_over)
        chaos.join()

        assert chaos.failure is None
        assert sum(process.deaths for process in story.product.processes.values()) >= KILLS
        assert len(names) >= TELLERS
        assert_told_once(story.product, story.postman, names)


def tell_reader(line: str) -> None:
    """Into the captured output, which pytest shows when the test fails."""
    sys.stdout.write(f"{line}\n")


class Chaos(threading.Thread):
    """Kills a process every few seconds, whichever the dice name, and empties Redis now and then."""

    def __init__(self, story: Story, chance: Random) -> None:
        super().__init__(name="chaos", daemon=True)
        self._story, self._chance = story, chance
        self.is_over = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            for kill in range(1, KILLS + 1):
                time.sleep(self._chance.uniform(*PAUSE))
                name = self._chance.choice(sorted(self._story.product.processes))
                self._story.product.processes[name].kill()
                tell_reader(f"kill {kill}: {name}")
                if kill % FLUSH_EVERY == 0:
                    self._story.redis.flush()
                    tell_reader("redis forgot everything")
        except BaseException as error:
            self.failure = error
            raise
        finally:
            self.is_over.set()


def _tell_until(story: Story, is_over: threading.Event) -> list[str]:
    """Play conversations, several at once, until the chaos ends; all that were begun are finished."""
    numbers, names, lock = count(1), [], threading.Lock()

    def tell_on() -> None:
        desk = Desk(story)
        desk.sign_in()
        while True:
            with lock:
                name = f"customer{next(numbers):03d}"
                names.append(name)
            Conversation(story, desk, name).play()
            if is_over.is_set():
                return

    with ThreadPoolExecutor(max_workers=TELLERS) as pool:
        for told in [pool.submit(tell_on) for _teller in range(TELLERS)]:
            told.result()
    return names
