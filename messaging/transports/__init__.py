"""Sessions with other machines and with the reading child. They speak protocols and know no rows."""
