#!/bin/sh
# What the identity check adds to a statement of one row: none, a plain setting, the signature; and the
# policy of customers, which checks once for each place that asks.
set -eu
cd "$(dirname "$0")"
export PGDATABASE="${PGDATABASE:-customers_policy}"
psql="psql -X -q -v ON_ERROR_STOP=1"
$psql -f 5_identity.sql
me='(SELECT retail_sec.current_store_id())'
time_it() {
    $psql -c "ALTER POLICY store_sees_own ON retail.$2 USING ($3)"
    PGUSER=retail_query $psql -At -c "SET statement_timeout = 0" -c "SELECT bench.identity('$1', '$4', ${PROBES:-5000})"
}
one='SELECT 1 FROM retail.stores WHERE store_id = 1'
time_it 'stores, no policy' stores true "$one"
time_it 'stores, plain setting' stores "store_id = (SELECT current_setting('app.store')::integer)" "$one"
time_it 'stores, signature' stores "store_id = $me" "$one"
one='SELECT 1 FROM retail.customers WHERE customer_id = 1'
time_it 'customers, no policy' customers true "$one"
time_it 'customers, home store by signature' customers "primary_store_id = $me" "$one"
time_it 'customers, the rule by signature' customers "primary_store_id = $me OR EXISTS (SELECT FROM
    retail.orders o WHERE o.customer_id = customers.customer_id AND o.store_id = $me)" "$one"
