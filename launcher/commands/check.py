"""`make check`: everything that can be said about the code without running the tests."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher import children
from launcher.bed import Bed, make_bed
from launcher.console import say
from launcher.dotenv import clean_environment
from launcher.errors import Interrupted, tail
from launcher.installation import install_tools
from launcher.interruption import stop
from launcher.state import CHECKOUT
from launcher.toolbox import Toolbox

_UNREACHABLE = re.compile(
    r"connectionerror|max retries|timed out|enotfound|econnrefused|eai_again|serviceerror"
    r"|service error|endpoint is not available|not implemented|40[34] |forbidden|could not connect"
    r"|certificate verify failed|audit endpoint returned an error|could not be audited",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One command that must succeed; an advisory one only where its service answers."""

    name: str
    command: Sequence[str | Path]
    folder: Path = CHECKOUT
    env: Mapping[str, str] | None = None
    is_advisory: bool = False


def main(tools: Toolbox, arguments: list[str]) -> int:
    """Run every check, also after one has failed; ends with a table."""
    del arguments
    build = install_tools(tools, dev=True)
    with make_bed(tools, "check", careless=True) as bed:
        build.wait()
        bed.product({}).compile_messages().wait()
        checks = [
            *_code(tools),
            *_types(tools),
            *_templates(tools),
            *_product(tools, bed),
            *_audits(tools),
        ]
        return _run_all(tools, checks)


def lint(tools: Toolbox, arguments: list[str]) -> int:
    """The linters alone."""
    del arguments
    install_tools(tools, dev=True).wait()
    return _run_all(tools, [*_code(tools), *_templates(tools)])


def types(tools: Toolbox, arguments: list[str]) -> int:
    """The type checkers alone."""
    del arguments
    install_tools(tools, dev=True).wait()
    return _run_all(tools, _types(tools))


def templates() -> list[str]:
    """Every Django template of the product, as the template tools want them."""
    return sorted(str(path.relative_to(CHECKOUT)) for path in CHECKOUT.glob("templates/**/*.html"))


def _code(tools: Toolbox) -> list[Check]:
    tool = tools.packages.tool
    return [
        Check(name="ruff check", command=[tool("ruff"), "check", "."]),
        Check(name="ruff format", command=[tool("ruff"), "format", "--check", "."]),
        Check(name="import contracts", command=[tool("lint-imports")]),
        Check(
            name="deployment files",
            command=[tools.packages.python, CHECKOUT / "tools" / "lint_deployment.py"],
        ),
    ]


def _types(tools: Toolbox) -> list[Check]:
    node = tools.node
    return [
        Check(name="mypy", command=[tools.packages.tool("mypy"), "."]),
        Check(
            name="tsc",
            command=[*node.npm, "run", "check"],
            folder=CHECKOUT / "frontend",
            env=node.environment(),
        ),
    ]


def _templates(tools: Toolbox) -> list[Check]:
    tool, found = tools.packages.tool, templates()
    return [
        Check(name="djade", command=[tool("djade"), "--check", "--target-version", "5.2", *found]),
        Check(name="djlint", command=[tool("djlint"), "--lint", CHECKOUT / "templates"]),
    ]


def _product(tools: Toolbox, bed: Bed) -> list[Check]:
    python = tools.packages.python
    manage: list[str | Path] = [python, "manage.py"]
    env = bed.environment({})
    production = bed.environment({"ECRM_BASE_URL": "https://crm.example.com", "ECRM_DEMO": "0"})
    schema = bed.place.path("schema.yml")
    return [
        Check(
            name="migrations are complete",
            command=[*manage, "makemigrations", "--check", "--dry-run"],
            env=env,
        ),
        Check(
            name="migrations are safe",
            command=[python, CHECKOUT / "tools" / "lint_migrations.py"],
            env=env,
        ),
        Check(
            name="production settings",
            command=[*manage, "check", "--deploy", "--fail-level", "WARNING"],
            env=production,
        ),
        Check(
            name="OpenAPI schema",
            command=[*manage, "spectacular", "--fail-on-warn", "--validate", "--file", schema],
            env=env,
        ),
    ]


def _audits(tools: Toolbox) -> list[Check]:
    node = tools.node
    lock = CHECKOUT / "requirements" / "run.txt"
    return [
        Check(
            name="pip-audit",
            command=[tools.packages.tool("pip-audit"), "--strict", "--disable-pip",
                     "--require-hashes", "--timeout", "15", "-r", lock],
            is_advisory=True,
        ),
        Check(
            name="npm audit",
            command=[*node.npm, "audit", "--omit=dev", "--fetch-retries=0"],
            folder=CHECKOUT / "frontend",
            env=node.environment(),
            is_advisory=True,
        ),
    ]  # fmt: skip


def _run_all(tools: Toolbox, checks: Sequence[Check]) -> int:
    """Run the checks one after the other; the output of failing ones is shown, then a table."""
    rows: list[tuple[str, str, float]] = []
    for check in checks:
        begun = time.monotonic()
        verdict = _run(tools, check)
        rows.append((check.name, verdict, time.monotonic() - begun))
        say(f"  {check.name:<28}{rows[-1][2]:6.1f} s  {verdict}")
    failed = [name for name, verdict, _ in rows if verdict == "FAILED"]
    say()
    for name, verdict, seconds in rows:
        say(f"  {name:<28}{seconds:6.1f} s  {verdict}")
    say(
        f"\n{len(failed)} of {len(rows)} checks failed: {', '.join(failed)}"
        if failed
        else "\nAll checks passed."
    )
    return 1 if failed else 0


def _run(tools: Toolbox, check: Check) -> str:
    log = tools.state.logs / f"check-{check.name.replace(' ', '-')}.log"
    log.unlink(missing_ok=True)
    env = {**(check.env or clean_environment()), "PYTHONUNBUFFERED": "1"}
    status = children.finish(children.start(check.command, env=env, cwd=check.folder, log=log))
    if stop.requested:
        raise Interrupted
    if status == 0:
        return "ok"
    output = log.read_text(encoding="utf-8", errors="replace")
    if check.is_advisory and _UNREACHABLE.search(output):
        return "not run: the advisory service does not answer"
    say(f"\n--- {check.name}: {log}\n{tail(log, 60)}\n")
    return "FAILED"
