"""How programs of a shop identify themselves."""
