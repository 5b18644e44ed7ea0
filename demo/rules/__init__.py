"""How the demo world comes about: everything follows from a seed. No database, no clock."""
