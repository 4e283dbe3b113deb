#!/bin/bash
# Copies what cannot be made again: the database, and media, uploads and the signing key of the
# data folder. The search index and the model's cache are made anew, the queue is refilled from
# the database. PGHOST, PGUSER, PGDATABASE (and PGPASSWORD or PGPASSWORD_FILE), DATA_DIR and
# BACKUP_DIR are given; BACKUPS_KEPT old ones are kept.
set -euo pipefail

if [ -n "${PGPASSWORD_FILE:-}" ]; then
    PGPASSWORD="$(cat "$PGPASSWORD_FILE")"
    export PGPASSWORD
fi
stamp="$(date -u +%Y%m%dT%H%M%SZ)"
target="$BACKUP_DIR/$stamp"
umask 077
mkdir -p "$target.part"

pg_dump --format=custom --file="$target.part/database.dump"
# The database first: a picture may come after its row, never the other way round.
tar --create --gzip --file="$target.part/data.tar.gz" --directory="$DATA_DIR" \
    --exclude=./index --exclude=./cache --exclude=./logs --exclude=./valkey \
    --exclude='./*.sqlite3*' --warning=no-file-changed . || [ $? -eq 1 ]
(cd "$target.part" && sha256sum database.dump data.tar.gz > SHA256SUMS)
# Only a finished backup has its name.
mv "$target.part" "$target"

find "$BACKUP_DIR" -mindepth 1 -maxdepth 1 -type d -name '*Z' | sort |
    head -n "-${BACKUPS_KEPT:-14}" | xargs --no-run-if-empty rm -r
echo "backup $stamp: $(du -sh "$target" | cut -f1)"
