"""What people read when something goes wrong."""

import errno
import sys
from pathlib import Path

import pytest

from launcher import children, cli, installation
from launcher.commands import run
from launcher.errors import LauncherError, explain_os_error, hint_for


def test_a_failed_command_shows_the_end_of_its_output_and_what_to_do(state):
    source = "print('error: Failed to fetch package list'); raise SystemExit(2)"

    with pytest.raises(LauncherError) as caught:
        children.run(
            [sys.executable, "-c", source],
            env={}, cwd=state.root, log=state.log("download"), what="Installing packages",
        )  # fmt: skip

    message = str(caught.value)
    assert "Installing packages failed (exit status 2)" in message
    assert "Failed to fetch package list" in message
    assert "Check the network" in message


def test_a_download_is_tried_again(state, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    source = (
        "import pathlib; p = pathlib.Path('tried'); seen = p.exists(); p.touch(); exit(not seen)"
    )

    children.run(
        [sys.executable, "-c", source],
        env={}, cwd=state.root, log=state.log("download"), what="Downloading", attempts=2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("output", "word"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("npm error code ENOSPC", "disk is full"),
        ("Hash mismatch for django", "lock file"),
        ("invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE"),
        ("npm error code ENOTFOUND", "network"),
        ("error sending request for url", "network"),
    ],
)
def test_common_causes_are_named(output, word):
    assert word in hint_for(output)


def test_an_unknown_cause_gets_no_guess():
    assert hint_for("Segmentation fault") == ""


def test_a_full_disk_is_named_when_we_write_ourselves():
    assert "disk is full" in explain_os_error(OSError(errno.ENOSPC, "No space left on device"))


def test_a_disk_with_too_little_room_is_refused_before_the_start(tmp_path, monkeypatch):
    monkeypatch.setattr(installation, "_FIRST_START_BYTES", 10**18)

    with pytest.raises(LauncherError, match="Free some space"):
        installation.require_space(tmp_path, is_first=True)


@pytest.mark.parametrize("value", ["http", "0", "70000", "-1"])
def test_a_port_that_is_no_port_is_refused(monkeypatch, value):
    monkeypatch.setenv("PORT", value)

    with pytest.raises(LauncherError, match="PORT is"):
        run.web_port()


def test_an_unknown_command_lists_the_known_ones(capsys):
    status = cli.main(["fly"])

    assert status == 2
    assert "run " in capsys.readouterr().err


def test_the_command_of_every_make_target_exists():
    makefile = Path("Makefile").read_text(encoding="utf-8")

    used = {
        line.split("-m launcher ")[1].split()[0]
        for line in makefile.splitlines()
        if "-m launcher " in line
    }

    assert used <= set(cli.COMMANDS)
    assert {"run", "test", "check", "bench", "screens", "fix", "lint", "types", "lock"} <= used
