#!/bin/sh
# Measures the queries of 2_harness.sql under each policy. Arguments: names of variants; none is all.
set -eu
export PGDATABASE="${PGDATABASE:-customers_policy}"
cd "$(dirname "$0")"
runs=${RUNS:-5}
stores=${STORES:-1 2 8}
psql="psql -X -q -v ON_ERROR_STOP=1"
$psql -tAc "SELECT to_regclass('retail.customer_store') IS NULL" | grep -q f || $psql -f variants.sql
alone='DROP INDEX IF EXISTS retail.orders_store_customer; DROP INDEX IF EXISTS retail.customers_store_ids'
for variant in ${*:-a0 a b c1 c2 d1 d2 d3 e1 e2 g z}; do
    $psql -c "SET client_min_messages = warning; $alone" -c "SELECT bench.policy('$variant')" >/dev/null
    case $variant in
        a0*) $psql -c 'DROP INDEX IF EXISTS retail.idx_orders_customer_id_store_id' \
                   -c 'CREATE INDEX orders_customer ON retail.orders (customer_id)' ;;
        b*) $psql -c 'CREATE INDEX orders_store_customer ON retail.orders (store_id, customer_id)' \
                  -c 'VACUUM retail.orders' ;;
        f*) $psql -c 'UPDATE retail.customers c SET store_ids = s.ids FROM (SELECT customer_id,
                array_agg(store_id) ids FROM retail.customer_store GROUP BY 1) s USING (customer_id)' ;;
    esac
    for store in $stores; do
        PGUSER=retail_query $psql >/dev/null <<SQL
SET default_transaction_read_only = off;
SET transaction_timeout = 0;
SET statement_timeout = '${LIMIT:-20s}';
SELECT format('SELECT bench.measure(%L, %s, %L, %s)', '$variant', $store, query, $runs)
FROM bench.query ORDER BY query \gexec
SQL
    done
    case $variant in
        a0*) $psql -c 'DROP INDEX retail.orders_customer' -c 'CREATE INDEX IF NOT EXISTS
                idx_orders_customer_id_store_id ON retail.orders (customer_id, store_id)' \
                -c 'VACUUM retail.orders' ;;
    esac
done
$psql -f report.sql
