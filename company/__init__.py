"""The brand: shops, agents, teams, roles, API keys and the audit log."""
