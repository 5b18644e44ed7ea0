"""What the contact centre adds to the frame, to customers' pages and to orders."""

from __future__ import annotations


def register() -> None:
    """Fill the registries of the modules below."""
