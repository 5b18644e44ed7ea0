"""Brings eCRM from a fresh clone to a running product with nothing but Python's standard library.

It exists before the virtual environment does, so no module in here may import anything else
(tests/launcher/test_conventions.py keeps that promise).
"""
