import os
import stat
import subprocess
import sys

import pytest

from launcher.errors import LauncherError
from launcher.state import CHECKOUT, Lock, State, fingerprint, lock_state, write_atomically


def test_a_stamp_holds_for_the_same_inputs_only(state):
    state.mark_done("demo", "abc")

    assert state.is_done("demo", "abc")
    assert not state.is_done("demo", "abd")
    assert not state.is_done("migrations", "abc")


def test_a_step_that_failed_is_done_again(state):
    done = []

    def step(outcome):
        if not state.is_done("step", "1"):
            done.append(outcome)
            if outcome == "fails":
                raise RuntimeError
            state.mark_done("step", "1")

    with pytest.raises(RuntimeError):
        step("fails")
    step("works")
    step("is not needed")

    assert done == ["fails", "works"]


def test_a_stamp_file_that_was_cut_off_counts_as_no_stamp(state):
    state.mark_done("demo", "abc")
    path = state.path("stamps.json")
    path.write_text(path.read_text()[:10])

    assert not state.is_done("demo", "abc")
    state.mark_done("demo", "abc")
    assert state.is_done("demo", "abc")


def test_a_write_that_fails_leaves_the_old_file(state, monkeypatch):
    path = state.path("values")
    write_atomically(path, "old")

    def no_space(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new")

    assert path.read_text() == "old"


def test_secrets_are_random_stable_and_private(state, tmp_path):
    first = state.secrets()
    other = State(tmp_path / "other").prepare().secrets()

    assert state.secrets() == first
    assert not set(first.values()) & set(other.values())
    assert stat.S_IMODE(state.path("secrets.json").stat().st_mode) == 0o600


def test_the_field_key_is_one_that_the_product_accepts(state):
    from cryptography.fernet import Fernet

    Fernet(state.secrets()["field_keys"])


def test_secrets_of_an_older_launcher_are_kept_and_completed(state):
    state.write("secrets.json", {"secret_key": "from long ago"})

    secrets = state.secrets()

    assert secrets["secret_key"] == "from long ago"
    assert secrets["redis_password"]


def test_two_launchers_in_one_state_directory_are_refused_with_advice(state):
    held = lock_state(state, doing="make run on http://localhost:8000")
    source = (
        "import pathlib; from launcher.state import *\n"
        f"try: lock_state(State(pathlib.Path({str(state.root)!r})), doing='second')\n"
        "except LauncherError as error: print(error)"
    )

    second = subprocess.run(
        [sys.executable, "-c", source], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )

    assert f"pid {os.getpid()}, make run on http://localhost:8000" in second.stdout
    assert "ECRM_STATE_DIR=" in second.stdout
    held.release()


def test_a_lock_is_free_again_after_its_release(state):
    lock_state(state, doing="first").release()

    lock_state(state, doing="second").release()


def test_waiting_for_a_lock_ends(state, capsys):
    holder, waiter = Lock(state.path("install.lock")), Lock(state.path("install.lock"))
    holder.acquire(patience=0)

    assert not waiter.acquire(patience=0.2, waiting="Waiting for another launcher …")
    assert "Waiting" in capsys.readouterr().out


def test_a_state_directory_that_cannot_be_made_is_explained(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(LauncherError, match="Set ECRM_STATE_DIR"):
        State(tmp_path / "file" / "state").prepare()


def test_a_large_log_is_moved_aside(state, monkeypatch):
    monkeypatch.setattr("launcher.state.LOG_KEEP_BYTES", 10)
    state.log("web").write_text("a long story")

    assert not state.log("web").exists()
    assert state.logs.joinpath("web.log.1").read_text() == "a long story"


def test_a_fingerprint_follows_contents_and_names_but_not_built_files(tmp_path):
    sources = tmp_path / "frontend"
    (sources / "src").mkdir(parents=True)
    (sources / "src" / "main.ts").write_text("1")
    before = fingerprint(sources)

    (sources / "node_modules").mkdir()
    (sources / "node_modules" / "x.js").write_text("x")
    (sources / "dist").mkdir()
    (sources / "dist" / "y.js").write_text("y")
    assert fingerprint(sources) == before

    (sources / "src" / "main.ts").rename(sources / "src" / "other.ts")
    renamed = fingerprint(sources)
    (sources / "src" / "other.ts").write_text("2")
    assert len({before, renamed, fingerprint(sources)}) == 3
