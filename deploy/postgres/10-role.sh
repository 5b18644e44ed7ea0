#!/bin/bash
# Runs once, when the database volume is new: the product's role owns its database and nothing else,
# and the superuser has no password, so that it can sign in from inside this container only.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --set password="$POSTGRES_PASSWORD" --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
CREATE ROLE ecrm LOGIN PASSWORD :'password';
CREATE DATABASE ecrm OWNER ecrm;
ALTER ROLE postgres PASSWORD NULL;
SQL
