#!/bin/bash
# Puts back a backup of deploy/backup.sh: restore.sh STAMP. Web, workers and scheduler must be
# stopped. Afterwards: db upgrade, start, index rebuild (docs/operations.md).
set -euo pipefail

stamp="${1:?which backup? the name of its folder, like 20260131T020000Z}"
source="$BACKUP_DIR/$stamp"
if [ -n "${PGPASSWORD_FILE:-}" ]; then
    PGPASSWORD="$(cat "$PGPASSWORD_FILE")"
    export PGPASSWORD
fi
(cd "$source" && sha256sum --check --quiet SHA256SUMS)

# All or nothing: an error leaves the database as it was.
pg_restore --clean --if-exists --no-owner --single-transaction --exit-on-error \
    --dbname="$PGDATABASE" "$source/database.dump"
tar --extract --gzip --file="$source/data.tar.gz" --directory="$DATA_DIR"
echo "restored $stamp"
