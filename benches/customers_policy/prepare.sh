#!/bin/sh
# Makes the database $PGDATABASE (customers_policy unless set) with the tables of migrations 0001 to 0003 and generated rows.
set -eu
export PGDATABASE="${PGDATABASE:-customers_policy}"
cd "$(dirname "$0")"
storage=../../crates/storage
psql="psql -X -q -v ON_ERROR_STOP=1"
$psql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE" -c "CREATE DATABASE $PGDATABASE"

$psql -f $storage/sql/bootstrap.sql
for migration in 0001_retail_tables 0002_signed_identity 0003_row_security; do
    { echo 'BEGIN; SET LOCAL ROLE retail_owner;'; cat $storage/migrations/$migration.sql; echo 'COMMIT;'; } | $psql
done
$psql -v customers="${CUSTOMERS:-1000000}" -v orders="${ORDERS:-10000000}" -f 1_data.sql >/dev/null
# Puts the indexes back; the tables are there.
{ echo 'BEGIN; SET LOCAL ROLE retail_owner;'; cat $storage/migrations/0001_retail_tables.sql; echo 'COMMIT;'; } \
    | $psql -v ON_ERROR_STOP=1
$psql -f 2_harness.sql >/dev/null
$psql -c 'VACUUM (ANALYZE)'
