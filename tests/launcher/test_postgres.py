"""The private cluster, with the real programs: made once, private, and hard to kill."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg2
import pytest

from launcher import postgres, postgres_binaries
from launcher.console import Stopwatch
from launcher.errors import LauncherError
from launcher.postgres_binaries import Binaries
from launcher.state import CHECKOUT
from launcher.supervisor import Supervisor
from tests.launcher.conftest import is_alive, wait_for

pytestmark = pytest.mark.faults


@pytest.fixture(scope="session")
def binaries():
    """The programs that this test run uses itself: the system's, or npm's in its state directory."""
    root = Path(os.environ.get("ECRM_STATE_DIR", CHECKOUT / ".ecrm")).resolve()
    natives = [
        folder / "tools/postgres/node_modules" / postgres_binaries.npm_package() / "native/bin"
        for folder in (root, root.parent)
    ]
    from_npm = [Binaries(path, 18, "npm") for path in natives if (path / "postgres").exists()]
    return (from_npm or postgres_binaries.system_binaries())[0]


@pytest.fixture
def cluster(state, binaries):
    yield postgres.prepare(state, binaries, Stopwatch(), careless=False)
    postgres.discard(state)


@pytest.fixture
def supervisor():
    supervisor = Supervisor()
    yield supervisor
    supervisor.stop()


def query(url, sql):
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


def test_the_role_of_the_product_owns_its_database_and_is_no_superuser(cluster, supervisor):
    supervisor.start(cluster.process())

    for extension in postgres_binaries.EXTENSIONS:
        query(cluster.url, f"CREATE EXTENSION {extension}")
    assert query(cluster.url, "SELECT rolsuper FROM pg_roles WHERE rolname = 'ecrm'") == [(False,)]
    assert query(cluster.url, "SELECT lower('É') = 'é', 'É'::citext = 'é'") == [(True, True)]


def test_nobody_gets_in_without_the_password(cluster, supervisor):
    supervisor.start(cluster.process())

    with pytest.raises(psycopg2.OperationalError, match="password"):
        query(f"postgres://ecrm:guess@127.0.0.1:{cluster.port}/ecrm", "SELECT 1")


def test_it_listens_on_this_machine_only(cluster, supervisor):
    supervisor.start(cluster.process())

    assert query(cluster.url, "SHOW listen_addresses") == [("127.0.0.1",)]
    assert "unix_socket_directories=" in cluster.process().command


def test_a_second_start_keeps_the_data(cluster, state, binaries):
    first = Supervisor()
    first.start(cluster.process())
    query(cluster.url, "CREATE TABLE memory AS SELECT 42 AS answer")
    first.stop()

    again = postgres.prepare(state, binaries, Stopwatch(), careless=False)
    second = Supervisor()
    second.start(again.process())

    assert query(again.url, "SELECT answer FROM memory") == [(42,)]
    second.stop()


def test_a_killed_server_comes_back_with_everything_committed(cluster, supervisor):
    supervisor.start(cluster.process())
    query(cluster.url, "CREATE TABLE memory AS SELECT 42 AS answer")

    os.kill(supervisor.pids()["postgres"], signal.SIGKILL)
    wait_for(lambda: supervisor.revive() and postgres.answers(cluster.port), seconds=30)

    assert query(cluster.url, "SELECT answer FROM memory") == [(42,)]


def test_a_cluster_that_was_only_half_made_is_made_again(state, binaries, supervisor):
    half = state.path("postgres")
    (half / "data" / "base").mkdir(parents=True)

    cluster = postgres.prepare(state, binaries, Stopwatch(), careless=False)
    supervisor.start(cluster.process())

    assert query(cluster.url, "SELECT 1") == [(1,)]
    supervisor.stop()
    postgres.discard(state)


def test_a_pid_file_that_names_a_stranger_does_not_keep_the_server_from_starting(
    cluster, supervisor
):
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    pid_file = cluster.folder / "data" / "postmaster.pid"
    pid_file.write_text(f"{stranger.pid}\n{cluster.folder}/data\n1\n5432\n\n127.0.0.1\n0\nready\n")

    cluster.clear_leftovers()
    supervisor.start(cluster.process())

    assert query(cluster.url, "SELECT 1") == [(1,)]
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_server_that_an_earlier_launcher_left_behind_is_ended(cluster, state, binaries):
    process = cluster.process()
    orphan = subprocess.Popen(
        [str(part) for part in process.command],
        env=process.env,
        cwd="/",
        user=cluster.run_as.uid if cluster.run_as else None,
        group=cluster.run_as.gid if cluster.run_as else None,
        extra_groups=[] if cluster.run_as else None,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: postgres.answers(cluster.port))

    postgres.prepare(state, binaries, Stopwatch(), careless=False)

    assert orphan.wait(10) == 0


def test_a_taken_port_is_exchanged_for_another(cluster, state, binaries):
    with socket.create_server(("127.0.0.1", cluster.port)):
        again = postgres.prepare(state, binaries, Stopwatch(), careless=False)

    assert again.port != cluster.port


def test_a_throw_away_cluster_is_made_afresh_each_time(state, binaries):
    for _ in range(2):
        cluster = postgres.prepare(state, binaries, Stopwatch(), careless=True)
        supervisor = Supervisor()
        supervisor.start(cluster.process())
        query(cluster.url, "CREATE TABLE memory (answer int)")
        supervisor.stop()

    postgres.discard(state)
    assert not cluster.folder.exists()


def test_a_server_that_cannot_start_says_why(cluster, supervisor):
    (cluster.folder / "data" / "PG_VERSION").write_text("9.6\n")

    with pytest.raises(LauncherError, match="database files are incompatible"):
        supervisor.start(cluster.process())


def test_no_server_survives_a_kill_of_the_launcher(cluster, launch, state):
    source = f"""
import pathlib
from launcher import guardian, postgres
from launcher.console import Stopwatch
from launcher.interruption import stop
from launcher.postgres_binaries import Binaries
from launcher.state import State
from launcher.supervisor import Supervisor
stop.install()
guardian.appoint()
binaries = Binaries(pathlib.Path({str(cluster.binaries.folder)!r}), 0, "test")
cluster = postgres.prepare(State(pathlib.Path({str(state.root)!r})), binaries, Stopwatch(), careless=False)
supervisor = Supervisor()
supervisor.start(cluster.process())
print(supervisor.pids()["postgres"], flush=True)
supervisor.watch()
"""
    launcher = launch(source)
    server = int(launcher.stdout.readline())

    begun = time.monotonic()
    launcher.kill()

    wait_for(lambda: not is_alive(server))
    assert time.monotonic() - begun < 5  # the kernel told it; the guardian need not have waited
