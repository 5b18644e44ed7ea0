"""The backup script of the deployment: what it keeps, and that it never keeps half a dump."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

SCRIPT = Path("deploy/backup.sh").resolve()


@pytest.fixture
def backup(tmp_path):
    """Run the script with stand-ins for PostgreSQL's programs."""
    programs, folder = tmp_path / "bin", tmp_path / "backups"
    programs.mkdir()
    folder.mkdir()
    (programs / "pg_dump").write_text('#!/bin/sh\nfor last; do :; done; echo data > "$last"\n')
    (programs / "pg_restore").write_text('#!/bin/sh\ncat "$2"\n')
    for program in programs.iterdir():
        program.chmod(0o755)

    def run(**env):
        return subprocess.run(
            ["bash", SCRIPT, "once"],
            env={
                "PATH": f"{programs}:{os.environ['PATH']}",
                "BACKUP_DATABASE_URL": "postgres://ecrm@db/ecrm",
                "BACKUP_FOLDER": str(folder),
                **env,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    run.folder, run.programs = folder, programs
    return run


def saved(backup):
    return sorted(path.name for path in backup.folder.iterdir())


def make_old(backup, day):
    (backup.folder / f"ecrm-{day:%Y-%m-%d}T020000Z").mkdir()


def test_a_backup_holds_the_dump_the_files_and_their_checksums(backup, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "logo.png").write_text("logo")

    done = backup(BACKUP_FILES=str(tmp_path / "files"))

    assert done.returncode == 0, done.stderr
    (folder,) = backup.folder.iterdir()
    names = {path.name for path in folder.iterdir()}
    assert names == {"database.dump", "contents.txt", "files.tar.gz", "SHA256SUMS"}
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=True)


@pytest.mark.parametrize("program", ["pg_dump", "pg_restore"])
def test_a_failed_dump_leaves_nothing_that_looks_like_a_backup(backup, program):
    (backup.programs / program).write_text("#!/bin/sh\nexit 1\n")

    done = backup()

    assert done.returncode != 0
    assert not [name for name in saved(backup) if name.startswith("ecrm-")]


def test_a_failed_dump_removes_no_older_one(backup):
    make_old(backup, datetime(2020, 2, 4, tzinfo=UTC))
    (backup.programs / "pg_dump").write_text("#!/bin/sh\nexit 1\n")

    backup()

    assert "ecrm-2020-02-04T020000Z" in saved(backup)


def test_half_a_dump_of_an_earlier_night_is_cleared_away(backup):
    (backup.folder / ".ecrm-2026-01-01T020000Z.partial").mkdir()

    backup()

    assert not [name for name in saved(backup) if name.endswith(".partial")]


def test_a_week_of_days_five_mondays_and_a_year_of_firsts_are_kept(backup):
    today = datetime.now(UTC)
    days = [today - timedelta(days=age) for age in range(1, 500)]
    for day in days:
        make_old(backup, day)

    backup()

    kept = {datetime.strptime(name[5:15], "%Y-%m-%d").replace(tzinfo=UTC) for name in saved(backup)}
    ages = {(today - day).days for day in kept}
    assert set(range(7)) <= ages
    for day in kept:
        age = (today - day).days
        assert age < 7 or (day.weekday() == 0 and age < 35) or (day.day == 1 and age < 372)
    assert len([d for d in kept if d.weekday() == 0 and 7 <= (today - d).days < 35]) == 4
    assert len([d for d in kept if d.day == 1 and (today - d).days >= 35]) in {10, 11}
