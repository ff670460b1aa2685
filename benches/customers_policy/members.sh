#!/bin/sh
# What the membership costs when orders are written, and whether it stays right when two do so at once.
set -eu
cd "$(dirname "$0")"
export PGDATABASE="${PGDATABASE:-customers_policy}"
psql="psql -X -q -v ON_ERROR_STOP=1 -At"
rows=${ROWS:-1000000}
$psql -c "SELECT to_regclass('retail.customer_store') IS NULL" | grep -q f || $psql -f variants.sql
$psql -c "SELECT to_regproc('retail.members_change') IS NULL" | grep -q f || $psql -f 4_members.sql
top=$($psql -c 'SELECT max(order_id) FROM retail.orders')
copy=$(mktemp)
$psql -c "COPY (SELECT $top + n, customer_id, store_id, DATE '2026-02-01' FROM (
    SELECT customer_id, store_id, row_number() OVER () n FROM (
        SELECT customer_id, store_id FROM retail.orders, generate_series(1, 1 + $rows / $top) LIMIT $rows) a) b) TO STDOUT" > "$copy"
for round in 1 2 3; do
    for triggers in NULL "'members_change'"; do
        $psql -c "SELECT bench.triggers($triggers)" >/dev/null
        echo "COPY of $rows orders, triggers $triggers:"
        $psql -c '\timing on' -c "\\copy retail.orders FROM '$copy'"
        echo "DELETE of $((rows / 10)) of them:"
        $psql -c '\timing on' -c "DELETE FROM retail.orders WHERE order_id > $top AND order_id <= $top + $rows / 10"
        $psql -c "SELECT bench.triggers(NULL)" -c "SET session_replication_role = replica" \
            -c "DELETE FROM retail.orders WHERE order_id > $top" \
            -c 'TRUNCATE retail.customer_store' -c "INSERT INTO retail.customer_store
                SELECT customer_id, store_id, count(*) FROM (SELECT customer_id, store_id FROM retail.orders
                UNION ALL SELECT customer_id, primary_store_id FROM retail.customers) r GROUP BY 1, 2" \
            -c 'VACUUM ANALYZE retail.orders, retail.customer_store' >/dev/null
    done
done
rm "$copy"

# Two sessions delete one order each, the customer's only two in the store. Then one deletes the last
# while the other inserts. Prints whether membership and orders agree.
agree="SELECT CASE WHEN EXISTS (SELECT FROM retail.orders WHERE customer_id = 1000001 AND store_id = 3)
    = EXISTS (SELECT FROM retail.customer_store WHERE customer_id = 1000001 AND store_id = 3)
    THEN 'right' ELSE 'WRONG' END"
$psql -c "INSERT INTO retail.customers VALUES (1000001, 'A', 'B', 'race', NULL, 1) ON CONFLICT DO NOTHING"
order="INSERT INTO retail.orders (customer_id, store_id, order_date) VALUES (1000001, 3, '2026-03-01')"
for triggers in members_look members_change; do
    for race in 'DELETE FROM retail.orders WHERE order_id = (SELECT max(order_id) FROM retail.orders WHERE customer_id = 1000001)' "$order"; do
        $psql -c "SELECT bench.triggers(NULL)" -c "DELETE FROM retail.orders WHERE customer_id = 1000001" \
            -c "DELETE FROM retail.customer_store WHERE customer_id = 1000001" \
            -c "SELECT bench.triggers('$triggers')" -c "$order" >/dev/null
        case $race in DELETE*) $psql -c "$order" ;; esac
        { echo "BEGIN; DELETE FROM retail.orders WHERE order_id =
              (SELECT min(order_id) FROM retail.orders WHERE customer_id = 1000001); SELECT pg_sleep(1); COMMIT;"; } | $psql >/dev/null &
        sleep 0.4
        $psql -c "$race"
        wait
        echo "$triggers, DELETE against ${race%% *}: $($psql -c "$agree")"
    done
done
$psql -c "SELECT bench.triggers(NULL)" -c "DELETE FROM retail.orders WHERE customer_id = 1000001" \
    -c "DELETE FROM retail.customer_store WHERE customer_id = 1000001" -c "DELETE FROM retail.customers WHERE customer_id = 1000001" >/dev/null
