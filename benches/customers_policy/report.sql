-- Lowest / median in ms for each store; a dash where the time limit struck.
SELECT query, variant,
       string_agg(coalesce(min_ms || ' / ' || median_ms, '-'), ' | ' ORDER BY store_id)
           AS "stores 1 | 2 | 8: min / median ms",
       min(runs) AS runs
FROM bench.result GROUP BY query, variant ORDER BY query, variant;
