"""Photographs of the running product: `python -m screens`."""
