"""Mail as bytes and as structure. Pure functions without Django: they also run in the reading child."""
