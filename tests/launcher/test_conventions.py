"""What the launcher may rely on: a bare Python, and nothing that a commit must not name."""

import ast
import re
import sys
from pathlib import Path

import pytest

SOURCES = sorted(Path("launcher").glob("**/*.py"))
LOCKS = sorted(
    [*Path("requirements").glob("*.txt"), *Path("tools").glob("*/package-lock.json"),
     Path("frontend/package-lock.json")]
)  # fmt: skip


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_the_launcher_imports_the_standard_library_and_itself_only(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for part in ast.walk(tree):
        if isinstance(part, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in part.names}
        elif isinstance(part, ast.ImportFrom):
            assert part.level == 0
            names.add(str(part.module).partition(".")[0])

    assert names <= set(sys.stdlib_module_names) | {"launcher"}


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_no_file_of_the_launcher_is_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 400


@pytest.mark.parametrize("path", LOCKS, ids=str)
def test_lock_files_hold_hashes_and_no_addresses(path):
    text = path.read_text(encoding="utf-8")

    assert "sha256:" in text or "sha512-" in text
    assert '"resolved"' not in text
    assert "--index-url" not in text
    assert "--find-links" not in text


def test_ci_calls_commands_of_the_readme_and_nothing_else():
    script = Path(".ci/run").read_text(encoding="utf-8")
    readme = Path("README.md").read_text(encoding="utf-8")
    own = re.compile(
        r"#.*|set -euo pipefail|cd \"\$\(dirname \"\$0\"\)/\.\.\"|status=0|exit \"\$status\"|"
    )

    called = [line for line in script.splitlines() if not own.fullmatch(line)]

    assert called == ["make test || status=$?", "make faults || status=$?"]
    assert all(
        f"`{name}`" in readme or f"\n{name}\n" in readme for name in ("make test", "make faults")
    )
