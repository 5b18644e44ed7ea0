"""The texts of the demo world, read once."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from demo.rules import brand

FOLDER = Path(__file__).resolve().parent.parent / "texts"


@cache
def the_brand() -> brand.Brand:
    """Maison Alba: its shops, staff, products and conversations."""
    return brand.brand_from(
        read("brand"),
        read("people"),
        {language: read(f"conversations.{language}") for language in ("fr", "de", "en")},
    )


def read(name: str) -> dict[str, Any]:
    """The texts of one file."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
