#!/bin/sh
# Measures what the clock tells of hidden customers, under each layout of indexes.
set -eu
cd "$(dirname "$0")"
export PGDATABASE="${PGDATABASE:-customers_policy}"
psql="psql -X -q -v ON_ERROR_STOP=1"
$psql -c 'DROP TABLE IF EXISTS bench.probe, bench.hidden; DROP FUNCTION IF EXISTS bench.probe, bench.text_is_leakproof' 2>/dev/null
$psql -f 3_probe.sql
probe() {
    for kind in '1 e-mail' '2 e-mail and store' '3 phone of an id' '4 the same, 1000 times'; do
        probes=${PROBES:-2000}
        # The slow ones less often: where the policy sees each row first, and a thousand at once.
        case "$1 $kind" in *'not leakproof '[12]* | *' 4 the'*) probes=$((probes / 10)) ;; esac
        PGUSER=retail_query $psql -c 'SET default_transaction_read_only = off' -c 'SET statement_timeout = 0' \
            -c 'SET transaction_timeout = 0' -c "SELECT bench.probe('$1', '$kind', $probes)" >/dev/null
    done
}
me='(SELECT retail_sec.current_store_id())'
rule="primary_store_id = $me OR EXISTS (SELECT FROM retail.orders o
    WHERE o.customer_id = customers.customer_id AND o.store_id = $me)"
policy() { $psql -c "ALTER POLICY store_sees_own ON retail.customers USING ($1)"; }

policy "$rule"
probe '1 UNIQUE (email), as was'
$psql -c 'ALTER TABLE retail.customers DROP CONSTRAINT customers_email_key' \
    -c 'CREATE UNIQUE INDEX customers_store_email ON retail.customers (primary_store_id, email)' -c 'VACUUM ANALYZE retail.customers'
probe '2 (primary_store_id, email)'
policy "primary_store_id = $me"
probe '3 the same, home store alone sees'
policy "$rule"
$psql -c 'DROP INDEX retail.customers_store_email' \
    -c 'CREATE UNIQUE INDEX customers_email_once ON retail.customers (reverse(email))' -c 'VACUUM ANALYZE retail.customers'
probe '4 (reverse(email))'
policy "$me IS NOT NULL AND ($rule)"
probe '5 the same, identity always checked'
policy "$rule"
$psql -c 'SELECT bench.text_is_leakproof(false)' >/dev/null
probe '6 as 4, text not leakproof'
$psql -c 'DROP INDEX retail.customers_email_once' \
    -c 'ALTER TABLE retail.customers ADD CONSTRAINT customers_email_key UNIQUE (email)' -c 'VACUUM ANALYZE retail.customers'
probe '7 as 1, text not leakproof'
$psql -c 'SELECT bench.text_is_leakproof(true)' >/dev/null
$psql -c 'SELECT layout, probe, probes, right_us, wrong_us, right_us - wrong_us AS difference_us FROM bench.probe ORDER BY 1, 2'
