"""Calls of providers that say nothing we can read."""

from __future__ import annotations


class NotUnderstood(Exception):
    """The call says nothing we can read; `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
