"""How heavy the scripts and styles of a page are on the wire."""

from __future__ import annotations

import gzip
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

DIST = Path(settings.BASE_DIR) / "frontend" / "dist"


def compressed_size(urls: list[str]) -> int:
    """Bytes of the scripts and styles among these addresses, as gzip would send them."""
    paths = {urlsplit(url).path.removeprefix("/static/") for url in urls}
    files = [DIST / path for path in paths if path.endswith((".js", ".css"))]
    return sum(len(gzip.compress(file.read_bytes(), 6)) for file in files if file.is_file())
