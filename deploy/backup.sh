#!/bin/bash
# Dumps the database, checks the dump, and thins out old ones.
#
#   backup.sh once       one dump now
#   backup.sh forever    one dump every night at BACKUP_HOUR (UTC)
#
# BACKUP_DATABASE_URL  what to dump                  BACKUP_FOLDER  where to
# BACKUP_FILES         a folder to pack beside it    BACKUP_HOUR    default 2
# Kept: all of BACKUP_KEEP_DAYS days (7), then the Monday ones of BACKUP_KEEP_WEEKS weeks (5),
# then those of the first of a month for BACKUP_KEEP_MONTHS months (12).
set -euo pipefail

folder=${BACKUP_FOLDER:?}
database_url=${BACKUP_DATABASE_URL:?}
files=${BACKUP_FILES:-}
keep_days=${BACKUP_KEEP_DAYS:-7}
keep_weeks=${BACKUP_KEEP_WEEKS:-5}
keep_months=${BACKUP_KEEP_MONTHS:-12}
hour=${BACKUP_HOUR:-2}

say() { echo "$(date -u +%FT%TZ) $*"; }

dump() {
    local name partial
    name="ecrm-$(date -u +%Y-%m-%dT%H%M%SZ)"
    partial="$folder/.$name.partial"
    rm -rf "$folder"/.*.partial
    mkdir -p "$partial"
    pg_dump --dbname "$database_url" --format custom --no-owner --file "$partial/database.dump"
    # A dump that can't be listed can't be restored: better to know tonight.
    pg_restore --list "$partial/database.dump" > "$partial/contents.txt"
    if [ -n "$files" ] && [ -d "$files" ]; then
        tar --create --gzip --file "$partial/files.tar.gz" --directory "$files" .
    fi
    (cd "$partial" && sha256sum -- * > SHA256SUMS)
    mv "$partial" "$folder/$name"
    say "saved $folder/$name ($(du -sh "$folder/$name" | cut -f1))"
}

# Prints keep or drop for the date of a dump.
verdict() {
    local age weekday day
    age=$((($(date -u +%s) - $(date -u -d "$1" +%s)) / 86400))
    weekday=$(date -u -d "$1" +%u)
    day=$(date -u -d "$1" +%d)
    if [ "$age" -lt "$keep_days" ]; then echo keep
    elif [ "$weekday" = 1 ] && [ "$age" -lt $((keep_weeks * 7)) ]; then echo keep
    elif [ "$day" = 01 ] && [ "$age" -lt $((keep_months * 31)) ]; then echo keep
    else echo drop
    fi
}

thin_out() {
    local path name
    for path in "$folder"/ecrm-*; do
        [ -d "$path" ] || continue
        name=${path##*/ecrm-}
        if [ "$(verdict "${name%%T*}")" = drop ]; then
            rm -rf "$path"
            say "removed $path"
        fi
    done
}

once() {
    dump
    thin_out
}

forever() {
    local next
    while true; do
        next=$(date -u -d "today $hour:00" +%s)
        [ "$next" -gt "$(date -u +%s)" ] || next=$(date -u -d "tomorrow $hour:00" +%s)
        sleep $((next - $(date -u +%s))) &
        wait $!
        # In a shell of its own: behind || this one would carry on after an error.
        bash "${BASH_SOURCE[0]}" once || say "FAILED: no dump was made"
    done
}

# Sourced by its test, this file only defines functions.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    trap 'exit 0' TERM INT
    mkdir -p "$folder"
    case "${1:-}" in
        once) once ;;
        forever) forever ;;
        *) echo "Usage: backup.sh once|forever" >&2; exit 2 ;;
    esac
fi
