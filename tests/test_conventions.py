"""Conventions that no linter knows."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from django.conf import settings
from django.core.management import call_command

from ecrm import env
from ecrm.kernel import events, failpoints

ROOT = Path(settings.BASE_DIR)
MODULES = [
    app for app in settings.INSTALLED_APPS if "." not in app and (ROOT / app / "apps.py").is_file()
]
SOURCES = [
    path
    for name in ["ecrm", *MODULES]
    for path in sorted((ROOT / name).rglob("*.py"))
    if "migrations" not in path.parts
]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def event_types() -> list[type[events.Event]]:
    for module in MODULES:
        if (ROOT / module / "events.py").is_file():
            importlib.import_module(f"{module}.events")
    return [t for t in events.Event.__subclasses__() if t.__module__.split(".")[0] in MODULES]


def service_modules() -> list[ModuleType]:
    found = []
    for module in MODULES:
        if (ROOT / module / "services.py").is_file():
            found.append(importlib.import_module(f"{module}.services"))
        elif (ROOT / module / "services").is_dir():
            package = importlib.import_module(f"{module}.services")
            names = [info.name for info in pkgutil.iter_modules(package.__path__)]
            found += [importlib.import_module(f"{module}.services.{name}") for name in names]
    return found


def public_functions(module: ModuleType) -> list:
    return [
        function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and inspect.unwrap(function).__module__ == module.__name__
    ]


def test_every_module_stands_in_every_import_contract():
    linter = PYPROJECT["tool"]["importlinter"]
    graph, inside, insides, _ = linter["contracts"]
    lines = " ".join(graph["layers"])

    assert set(linter["root_packages"]) == {"ecrm", *MODULES}
    assert set(inside["containers"]) == set(insides["source_modules"]) == set(MODULES)
    assert all(re.search(rf"(?<!\()\b{module}\b", lines) for module in MODULES)


def test_no_drawer_for_odds_and_ends():
    drawers = {"utils", "helpers", "common", "misc", "signals"}

    assert [p for p in SOURCES if p.stem in drawers] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_stays_readable(path):
    assert len(path.read_text().splitlines()) <= 450


def test_an_event_carries_only_scalars_and_is_named_after_its_module():
    scalars = {"int", "str", "bool", "float", "int | None", "str | None", "bool | None"}
    for event_type in event_types():
        module = event_type.__module__.split(".")[0]
        assert re.fullmatch(rf"{module}\.[a-z]+(-[a-z]+)+", event_type.name), event_type
        assert event_type.__doc__, event_type
        for field in dataclasses.fields(event_type):
            assert field.type in scalars, (event_type, field.name, field.type)


def test_a_service_takes_its_subject_and_then_keywords():
    for module in service_modules():
        for function in public_functions(module):
            positional = [
                p
                for p in inspect.signature(function).parameters.values()
                if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}
            ]
            assert len(positional) <= 1, f"{module.__name__}.{function.__name__}"
            assert function.__doc__, f"{module.__name__}.{function.__name__} has no docstring"


def test_every_template_is_used_somewhere():
    folder = ROOT / "templates"
    places = [*SOURCES, *folder.rglob("*.*")]
    text = "\n".join(path.read_text() for path in places)
    by_convention = ("account/", "mfa/", "socialaccount/", "usersessions/", "allauth/")
    unused = [
        name
        for path in folder.rglob("*.html")
        if not (name := str(path.relative_to(folder))).startswith(by_convention)
        and "/email/" not in name
        and path.name not in {"400.html", "403.html", "403_csrf.html", "404.html", "500.html"}
        and name not in text
    ]

    assert unused == []


def test_every_environment_variable_is_documented_and_every_documented_one_exists():
    documented = re.findall(
        r"^\| `(ECRM_\w+)`", (ROOT / "docs/settings.md").read_text(), re.MULTILINE
    )

    assert sorted(documented) == sorted(env.VARIABLES)


def test_the_environment_is_read_in_one_place_only():
    readers = [
        path
        for path in SOURCES
        if re.search(r"os\.(environ|getenv)", path.read_text())
        and path.relative_to(ROOT).as_posix() not in {"ecrm/env.py", "ecrm/asgi.py"}
    ]

    assert readers == []


def test_every_event_and_every_reaction_stands_on_its_modules_page():
    for event_type in event_types():
        page = ROOT / "docs/modules" / f"{event_type.__module__.split('.')[0]}.md"
        assert event_type.name in page.read_text(), f"{event_type.name} is missing in {page.name}"
    for subscriber in events.all_subscribers():
        module, name = subscriber.key.split(".")
        if module in MODULES:
            page = ROOT / "docs/modules" / f"{module}.md"
            assert name in page.read_text(), f"{subscriber.key} is missing in {page.name}"


def test_a_failpoint_is_named_after_its_module():
    owners = {name.split(".")[0] for name in failpoints.names()}

    assert owners <= {*MODULES, "outbox", "tests"}


def test_a_migration_imports_nothing_that_may_change_after_it():
    for module in [*MODULES, "ecrm.kernel"]:
        for path in (ROOT / module.replace(".", "/") / "migrations").glob("0*.py"):
            imported = {
                node.module.split(".")[0]
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.ImportFrom)
                and node.module
                and node.module != "ecrm.kernel.migrating"
            }
            assert not imported & {*MODULES, "ecrm"}, path


def test_no_lock_file_names_a_registry():
    locks = [*ROOT.glob("requirements/*.txt"), *ROOT.glob("frontend/package-lock.json")]
    locks += ROOT.glob("tools/*/package-lock.json")

    assert locks
    assert [
        p.name for p in locks if re.search(r"https?://[^\"\s]*(pypi|npmjs)", p.read_text())
    ] == []


def test_every_text_has_its_french_translation(capsys):
    try:
        call_command("make_messages", "--check")
    except SystemExit:
        pytest.fail(capsys.readouterr().out)
