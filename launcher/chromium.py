"""A Chromium for the browser tests: the machine's own, else one from npm (never in a product run)."""

import os
import shutil
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

from launcher import children
from launcher.console import Stopwatch
from launcher.dotenv import UserSettings
from launcher.errors import LauncherError
from launcher.node import Node
from launcher.state import CHECKOUT, State, fingerprint

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_NPM_FOLDER = CHECKOUT / "tools" / "chromium"
_UNPACK = (
    "const fs=require('fs'),zlib=require('zlib'),{pipeline}=require('stream');"
    "pipeline(fs.createReadStream(process.argv[1]),zlib.createBrotliDecompress(),"
    "fs.createWriteStream(process.argv[2]),e=>{if(e){console.error(e.message);process.exit(1)}})"
)


def find(state: State, watch: Stopwatch, settings: UserSettings, node: Callable[[], Node]) -> Path:
    """What ECRM_CHROMIUM names, else a Chromium on PATH that starts, else the one from npm.

    ECRM_CHROMIUM=npm insists on the last.
    """
    told = settings.get("ECRM_CHROMIUM")
    if told and told != "npm":
        return Path(told)
    return (None if told else on_path()) or _from_npm(state, watch, node)


def on_path() -> Path | None:
    """The first Chromium on PATH that answers (some distributions ship a mere signpost)."""
    for name in _NAMES:
        program = shutil.which(name)
        if program and "chrom" in children.capture([program, "--version"]).lower():
            return Path(program)
    return None


def _from_npm(state: State, watch: Stopwatch, node: Callable[[], Node]) -> Path:
    folder = state.path("tools", "chromium")
    program = folder / "chromium"
    mark = fingerprint(_NPM_FOLDER / "package-lock.json")
    if state.is_done("npm-chromium", mark) and program.exists():
        return program
    with watch.step("Chromium"):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copyfile(_NPM_FOLDER / name, folder / name)
        log = state.log("npm-chromium")
        node().install(folder, log=log, what="Downloading Chromium")
        packed = folder / "node_modules/@sparticuz/chromium/bin"
        browser = folder / "browser"
        browser.mkdir(exist_ok=True)
        _unpack(node(), packed / "chromium.br", browser / "chromium", log)
        (browser / "chromium").chmod(0o755)
        _unpack_archive(node(), packed / "swiftshader.tar.br", browser, log)
        for archive in ("al2023", "fonts"):
            _unpack_archive(node(), packed / f"{archive}.tar.br", folder / archive, log)
        _write_starter(folder)
        _require_running(program, log)
        shutil.rmtree(folder / "node_modules")
        state.mark_done("npm-chromium", mark)
    return program


def _unpack(node: Node, source: Path, target: Path, log: Path) -> None:
    partial = target.with_name(f"{target.name}.partial")
    children.run(
        [node.node, "-e", _UNPACK, source, partial],
        env=node.environment(), cwd=CHECKOUT, log=log, what=f"Unpacking {source.name}",
    )  # fmt: skip
    partial.replace(target)


def _unpack_archive(node: Node, source: Path, target: Path, log: Path) -> None:
    archive = target.parent / source.stem
    _unpack(node, source, archive, log)
    with tarfile.open(archive) as tar:
        # The archive's hash stands in the lock file; early releases of 3.11 know no filters.
        if hasattr(tarfile, "data_filter"):
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(target)
    archive.unlink()


def _write_starter(folder: Path) -> None:
    """A script that lends the browser libraries and fonts where the machine has none of its own."""
    lines = ["#!/bin/sh"]
    missing = "not found" in children.capture(["ldd", folder / "browser" / "chromium"])
    if missing or not shutil.which("ldd"):
        lines.append(
            f"export LD_LIBRARY_PATH='{folder}/al2023/lib'${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
        )
    if not Path("/etc/fonts/fonts.conf").exists():
        lines.append(f"export FONTCONFIG_PATH='{folder}/fonts'")
    lines.append(f"exec '{folder}/browser/chromium' \"$@\"")
    starter = folder / "chromium"
    starter.write_text("\n".join(lines) + "\n", encoding="utf-8")
    starter.chmod(starter.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def _require_running(program: Path, log: Path) -> None:
    if not children.capture([program, "--version"], env={**os.environ}):
        raise LauncherError(
            f"The Chromium from npm ({program}) does not start on this machine; see {log}. Install "
            "Chromium from your distribution, or name one in ECRM_CHROMIUM."
        )
