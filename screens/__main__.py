"""`python -m screens`: photograph every main page of the running demo into build/screens/."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from screens.camera import Camera, every_look
from screens.pages import SHOTS

FOLDER = Path(__file__).resolve().parent.parent / "build" / "screens"


def arguments() -> argparse.Namespace:
    """What to photograph, where, and as whom; `make screens` knows it from the demo."""
    parser = argparse.ArgumentParser(prog="python -m screens", description=__doc__)
    parser.add_argument("--site", default=os.environ.get("ECRM_BASE_URL", _default_site()))
    parser.add_argument("--email", default=os.environ.get("ECRM_SCREENS_EMAIL", ""))
    parser.add_argument("--password", default=os.environ.get("ECRM_SCREENS_PASSWORD", ""))
    parser.add_argument("--only", default="", help="names of shots, separated by commas")
    parser.add_argument("--look", default="", help="part of a look, e.g. desktop-light")
    return parser.parse_args()


def main() -> int:
    """Take the pictures; 1 when a page could not be shown or logged an error."""
    options = arguments()
    names = {name for name in options.only.split(",") if name}
    shots = [shot for shot in SHOTS if not names or shot.name in names]
    looks = [look for look in every_look() if options.look in look.suffix]
    camera = Camera(
        site=options.site, email=options.email, password=options.password, folder=FOLDER
    )
    started = time.monotonic()
    report = camera.photograph(shots, looks)
    for problem in report.problems:
        print(f"  {problem}")
    seconds = time.monotonic() - started
    print(
        f"{report.pictures} pictures in {FOLDER} ({seconds:.0f} s), {len(report.problems)} problems"
    )
    return 1 if report.problems else 0


def _default_site() -> str:
    return f"http://localhost:{os.environ.get('PORT', '8000')}"


if __name__ == "__main__":
    sys.exit(main())
