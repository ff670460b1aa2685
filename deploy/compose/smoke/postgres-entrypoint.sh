#!/bin/sh
# Stands for the entrypoint of the PostgreSQL image, as far as the Compose files use it: makes the database where there is
# none, runs what is in /docker-entrypoint-initdb.d, and becomes the server.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # shellcheck disable=SC2086 # several words
    initdb --pgdata "$PGDATA" --username "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS
    # On the socket alone, so that nobody takes it for the real one.
    pg_ctl --pgdata "$PGDATA" --wait start \
        --options "-c listen_addresses='' -c unix_socket_directories=/run/postgresql"
    PGPASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"
    export PGPASSWORD PGHOST=/run/postgresql PGUSER="$POSTGRES_USER"
    psql --dbname postgres --no-psqlrc --set ON_ERROR_STOP=1 --quiet --command "CREATE DATABASE \"$POSTGRES_DB\""
    for file in /docker-entrypoint-initdb.d/*.sql; do
        psql --dbname "$POSTGRES_DB" --no-psqlrc --set ON_ERROR_STOP=1 --quiet --file "$file"
    done
    pg_ctl --pgdata "$PGDATA" --wait stop
    unset PGPASSWORD PGHOST PGUSER
fi
exec "$@"
