"""Die at every named crash point, once each, and take the story up again: nothing lost or doubled."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.story.outside import IMAP_PASSWORD, IMAP_USER, Postman
from tests.story.product import ROOT, PrivateRedis, Product, database
from tests.story.verdict import assert_told_once

pytestmark = pytest.mark.faults

PLAYER = "tests.story.player"
PREPARE = "tests.story.prepare"
# Longer than every lease: what a dead process held is free again.
AFTER_ALL_LEASES = 15 * 60


def test_death_at_every_crash_point_loses_and_doubles_nothing(migrated, tmp_path):
    postman, redis = Postman(), PrivateRedis()
    postman.start()
    redis.start()
    try:
        with database(f"{migrated}_points", template=migrated) as url:
            product = Product(url, redis.url, postman.url, tmp_path)
            made = product.run(PREPARE, "143", IMAP_USER, IMAP_PASSWORD)
            player = Player(product, key=made["key"], agent=made["agent"], mailbox=made["mailbox"])
            names = {f"point{index:02d}": point for index, point in enumerate(player.points)}

            fates = {point: player.play(name, point) for name, point in names.items()}
            recovered = {
                point: player.play(name, "-", later=AFTER_ALL_LEASES + minute * 60)
                for minute, (name, point) in enumerate(names.items())
            }
            player.end()

            assert fates == dict.fromkeys(player.points, "killed"), player.errors()
            assert recovered == dict.fromkeys(player.points, "done"), player.errors()
            assert_told_once(product, postman, names)
            # One asked for it, one was not seen for too long.
            erased = "SELECT count(*) FROM profiles_privacyrequest WHERE state = 'done'"
            assert product.rows(erased)[0][0] == 2 * len(names)
    finally:
        redis.stop()
        postman.stop()


class Player:
    """A process that plays stories in forks; see player.py."""

    def __init__(self, product: Product, *, key: str, agent: str, mailbox: str) -> None:
        told = {"key": key, "agent_email": agent, "mailbox": mailbox}
        self._log = product.folder / "player.log"
        self._process = subprocess.Popen(
            [sys.executable, "-m", PLAYER, json.dumps(told)],
            env=product.environment(),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log.open("wb"),
            text=True,
        )
        self.points: list[str] = json.loads(self._line() or "[]")
        assert self.points, self.errors()

    def play(self, name: str, point: str, *, later: int = 0) -> str:
        """What became of a story that goes on so many seconds after the beginning.

        `done`, `killed` or `failed`. Everybody who dies does so at the beginning: no lease runs out
        there, so that nobody dies of what another left behind.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name} {point} {later}\n")
        self._process.stdin.flush()
        return self._line()

    def end(self) -> None:
        """Let the process go."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def errors(self) -> str:
        """What the forks complained about."""
        return self._log.read_text(errors="replace")[-6000:]

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()
