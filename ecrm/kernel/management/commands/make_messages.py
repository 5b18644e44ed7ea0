from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polib
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.template.base import Lexer, TokenType
from django.utils.translation.template import (
    block_re,
    constant_re,
    endblock_re,
    inline_re,
    plural_re,
)

LANGUAGES = ("fr", "de")
FUNCTIONS = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
}  # name → position of context, singular, plural
SKIPPED_FOLDERS = {
    ".ecrm",
    "build",
    "frontend",
    "tests",
    "node_modules",
    "bench",
    "launcher",
    "screens",
}

Text = tuple[str | None, str, str | None]


class Command(BaseCommand):
    help = "Bring locale/*/LC_MESSAGES/django.po up to date without needing xgettext."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="exit 1 when a text lacks its translation"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = self._collect(Path(settings.BASE_DIR))
        missing = 0
        for language in LANGUAGES:
            path = Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"
            catalogue = merged(path, language, found)
            untranslated = [entry for entry in catalogue if not entry.translated()]
            missing += len(untranslated) if language == "fr" else 0
            if not options["check"]:
                path.parent.mkdir(parents=True, exist_ok=True)
                catalogue.save(str(path))
            self.stdout.write(
                f"{language}: {len(catalogue)} texts, {len(untranslated)} untranslated"
            )
            if options["check"] and language == "fr":
                for entry in untranslated:
                    self.stdout.write(f"  {entry.msgid}")
        if options["check"] and missing:
            sys.exit(1)

    def _collect(self, root: Path) -> dict[Text, list[str]]:
        found: dict[Text, list[str]] = {}
        for path in sorted(root.rglob("*.py")) + sorted((root / "templates").rglob("*.*")):
            place = path.relative_to(root)
            if SKIPPED_FOLDERS & set(place.parts) or path.suffix not in {".py", ".html", ".txt"}:
                continue
            read = texts_of_python if path.suffix == ".py" else texts_of_template
            for text in read(path.read_text(encoding="utf-8")):
                places = found.setdefault(text, [])
                if str(place) not in places:
                    places.append(str(place))
        return found


def merged(path: Path, language: str, found: dict[Text, list[str]]) -> polib.POFile:
    """The catalogue with exactly the texts found; translations already made are kept."""
    known: dict[tuple[str | None, str], polib.POEntry] = {}
    if path.is_file():
        known = {(entry.msgctxt, entry.msgid): entry for entry in polib.pofile(str(path))}
    catalogue = polib.POFile(wrapwidth=100)
    forms = "n > 1" if language == "fr" else "n != 1"
    catalogue.metadata = {
        "Content-Type": "text/plain; charset=utf-8",
        "Language": language,
        "Plural-Forms": f"nplurals=2; plural=({forms});",
    }
    for (context, singular, plural), places in sorted(
        found.items(), key=lambda item: (item[1][0], item[0][1])
    ):
        old = known.get((context, singular))
        entry = polib.POEntry(
            msgctxt=context, msgid=singular, occurrences=[(place, "") for place in places]
        )
        if plural:
            entry.msgid_plural = plural
            entry.msgstr_plural = (old.msgstr_plural if old else None) or {0: "", 1: ""}
        else:
            entry.msgstr = old.msgstr if old else ""
        is_format = bool(re.search(r"%\(\w+\)[sd]", singular))
        entry.flags = ["python-format"] if is_format else []
        catalogue.append(entry)
    return catalogue


def texts_of_python(source: str) -> Iterator[Text]:
    """The constant arguments of gettext calls."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name not in FUNCTIONS:
            continue
        context_at, singular_at, plural_at = FUNCTIONS[name]
        constants = [a.value if isinstance(a, ast.Constant) else None for a in node.args]

        def pick(position: int | None, values: list[Any] = constants) -> str | None:
            if position is None or position >= len(values) or not isinstance(values[position], str):
                return None
            return str(values[position])

        if singular := pick(singular_at):
            yield pick(context_at), singular, pick(plural_at)


def texts_of_template(source: str) -> Iterator[Text]:
    """The texts of {% translate %}, {% blocktranslate %} and _("…") in Django templates."""
    lines: list[str] | None = None
    plural: list[str] | None = None
    context, is_trimmed = None, False
    for token in Lexer(source).tokenize():
        content = token.contents
        if lines is not None:
            if token.token_type == TokenType.BLOCK and endblock_re.match(content):
                yield (
                    context,
                    _join(lines, is_trimmed),
                    _join(plural, is_trimmed) if plural else None,
                )
                lines, plural = None, None
            elif token.token_type == TokenType.BLOCK and plural_re.match(content):
                plural = []
            else:
                target = lines if plural is None else plural
                is_variable = token.token_type == TokenType.VAR
                target.append(f"%({content})s" if is_variable else content.replace("%", "%%"))
        elif token.token_type == TokenType.BLOCK and (match := block_re.match(content)):
            lines, is_trimmed = [], " trimmed" in content
            context = _unquote(match[1]) if match[1] else None
        elif token.token_type == TokenType.BLOCK and (match := inline_re.match(content)):
            given = match[3]
            yield (_unquote(given) if given else None), _unquote(match[1]), None
        if token.token_type in {TokenType.BLOCK, TokenType.VAR}:
            for quoted in constant_re.findall(content):
                yield None, _unquote(quoted), None


def _unquote(text: str) -> str:
    return text.strip()[1:-1].replace('\\"', '"')


def _join(parts: list[str], is_trimmed: bool) -> str:  # noqa: FBT001 - private
    text = "".join(parts)
    return " ".join(line.strip() for line in text.splitlines()).strip() if is_trimmed else text
