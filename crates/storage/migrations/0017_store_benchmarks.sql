-- How a store stands among the others: own figure, rank, percentile and the mean of the others, by month. The rows are all there
-- is: nobody chooses what is compared, so no two questions can be subtracted from each other. docs/decisions/0026 has the rules
-- and what follows from what they let through.
SET LOCAL ROLE retail_owner;

CREATE TABLE retail.store_benchmark (
    store_id integer NOT NULL,
    month date NOT NULL CHECK (extract(day FROM month) = 1),
    category_id integer NOT NULL,
    metric text NOT NULL CHECK (metric IN ('net_sales', 'units', 'orders', 'basket_value', 'units_per_order', 'discount_rate')),
    value numeric(18, 2) NOT NULL,
    rank integer CHECK (rank BETWEEN 1 AND store_count),
    store_count integer CHECK (store_count >= 6),
    percentile integer CHECK (percentile BETWEEN 0 AND 100),
    peer_mean numeric(18, 2),
    suppressed boolean NOT NULL CHECK (suppressed = (peer_mean IS NULL)),
    reason text CHECK (reason IN ('few_stores', 'protected')) CHECK (suppressed = (reason IS NOT NULL)),
    PRIMARY KEY (store_id, month, category_id, metric)
);
-- Rules are applied month by month.
CREATE INDEX store_benchmark_month_category_id ON retail.store_benchmark (month, category_id);
COMMENT ON TABLE retail.store_benchmark IS
    'How a store stands among the others: a row for each store, complete month, category and metric, as published when the month was over';
COMMENT ON COLUMN retail.store_benchmark.store_id IS 'Store that is compared with the others';
COMMENT ON COLUMN retail.store_benchmark.month IS 'First day of the calendar month';
COMMENT ON COLUMN retail.store_benchmark.category_id IS
    'Category, or 0: all of them together; filter, never add up over it';
COMMENT ON COLUMN retail.store_benchmark.metric IS
    'net_sales (USD), units; only for category 0 also orders, basket_value (USD an order), units_per_order, discount_rate (percent of gross sales)';
COMMENT ON COLUMN retail.store_benchmark.value IS 'Own figure, in the metric''s unit';
COMMENT ON COLUMN retail.store_benchmark.rank IS 'Place by value, 1 is highest; NULL where fewer than 6 stores sold';
COMMENT ON COLUMN retail.store_benchmark.store_count IS 'Stores compared, own included';
COMMENT ON COLUMN retail.store_benchmark.percentile IS 'Percent of the others that are not higher; 100 is highest';
COMMENT ON COLUMN retail.store_benchmark.peer_mean IS
    'Mean of the others without own, 2 significant digits; NULL where suppressed';
COMMENT ON COLUMN retail.store_benchmark.suppressed IS 'Whether peer_mean is held back';
COMMENT ON COLUMN retail.store_benchmark.reason IS
    'few_stores: fewer than 5 others sold; protected: it would tell of single stores';

CREATE TABLE retail_mcp.benchmark_month (
    month date PRIMARY KEY,
    published_at timestamptz NOT NULL DEFAULT now(),
    restated_at timestamptz,
    restatements integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE retail_mcp.benchmark_month IS
    'The months of retail.store_benchmark: each is computed once, and again only when an operator restates it';
COMMENT ON COLUMN retail_mcp.benchmark_month.month IS 'First day of the month';
COMMENT ON COLUMN retail_mcp.benchmark_month.published_at IS 'When it was first computed';
COMMENT ON COLUMN retail_mcp.benchmark_month.restated_at IS 'When its figures last changed by a restatement';
COMMENT ON COLUMN retail_mcp.benchmark_month.restatements IS 'How often they did; each one lets its difference to the former be seen';

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['retail.store_benchmark', 'retail_mcp.benchmark_month'] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner_maintains ON %s TO retail_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, retail_query, retail_query_hq, retail_service', t);
    END LOOP;
END $$;
CREATE POLICY store_sees_own ON retail.store_benchmark FOR SELECT TO retail_query
    USING (store_id = (SELECT retail_sec.current_store_id()));
CREATE POLICY head_office_sees_all ON retail.store_benchmark FOR SELECT TO retail_query_hq
    USING ((SELECT retail_sec.sees_all_stores()));
GRANT SELECT ON retail.store_benchmark TO retail_query, retail_query_hq;
CREATE TRIGGER note_data_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON retail.store_benchmark
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.note_data_change('sales');
ALTER TABLE retail.store_benchmark ENABLE ALWAYS TRIGGER note_data_change;

-- A figure with two significant digits.
CREATE FUNCTION retail_mcp.two_digits(p_figure numeric)
RETURNS numeric LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN p_figure > 0 THEN round(p_figure, 1 - floor(log(p_figure))::integer) ELSE 0 END
$$;

-- Whether a store's own figure and rank, with the sum of the others, confine another store's figure to a range whose ends are
-- less than half the lower one apart.
--
-- Whoever asks is taken to know which of the others is the largest, which the smallest, and which sell more than they do: the
-- chain knows its flagship. And that none of the others has more than half of their sum, since the mean would not be shown.
CREATE FUNCTION retail_mcp.benchmark_confines(p_value numeric, p_rank bigint, p_stores bigint, p_others numeric)
RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(bool_or(r.high < 1.5 * r.low), false)
    FROM (SELECT p_rank - 1 AS above, p_stores - p_rank AS below, p_others / 2 AS half) AS s
    CROSS JOIN LATERAL (VALUES
        -- The largest.
        (s.above > 0, greatest(p_value, (p_others - s.below * p_value) / nullif(s.above, 0)),
         least(s.half, p_others - (s.above - 1) * p_value)),
        (s.above = 0, p_others / nullif(s.below, 0), least(s.half, p_value)),
        -- Any that sells more.
        (s.above > 0, greatest(p_value, p_others - s.below * p_value - (s.above - 1) * s.half),
         least(s.half, p_others - (s.above - 1) * p_value)),
        -- Any that does not.
        (s.below > 0, greatest(0, p_others - s.above * s.half - (s.below - 1) * p_value),
         least(p_value, p_others - s.above * p_value)),
        -- The smallest.
        (s.below > 0, greatest(0, p_others - s.above * s.half - (s.below - 1) * p_value),
         least(p_value, (p_others - s.above * p_value) / nullif(s.below, 0))),
        (s.below = 0, p_value, p_others / nullif(s.above, 0))
    ) AS r (is_there, low, high)
    WHERE r.is_there
$$;

-- Whether what a store is shown of a month leaves its other categories protected.
--
-- The categories of a month add up to category 0. So whoever is shown that one knows the sum of all that is held back, as good as
-- if it were published: it has to meet the rules too, and be well above each category that needs protection. Where category
-- 0 itself is held back, what is held back with it has to be a good part of it.
CREATE FUNCTION retail_mcp.benchmark_rest_is_safe(
    p_store_id integer, p_month date, p_held_back integer[], p_sensitive integer[], p_total_is_shown boolean)
RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH other AS (
        SELECT b.metric, b.store_id, b.category_id, b.value
        FROM retail.store_benchmark b
        WHERE b.month = p_month AND b.category_id <> 0 AND b.metric IN ('net_sales', 'units')
          AND b.store_id <> p_store_id
    ),
    -- By store, what is held back of it; and all of it.
    rest AS (
        SELECT o.metric, o.store_id, sum(o.value) AS whole,
            coalesce(sum(o.value) FILTER (WHERE o.category_id = ANY (p_held_back)), 0) AS held_back
        FROM other o GROUP BY 1, 2
    ),
    sensitive AS (
        SELECT s.metric, max(s.value) AS value
        FROM (SELECT o.metric, sum(o.value) AS value FROM other o
              WHERE o.category_id = ANY (p_sensitive) GROUP BY o.metric, o.category_id) AS s
        GROUP BY 1
    )
    SELECT coalesce(bool_and(r.is_safe), true)
    FROM (
        SELECT CASE WHEN NOT p_total_is_shown THEN 3 * sum(r.held_back) >= sum(r.whole)
            WHEN sum(r.held_back) = 0 THEN true
            ELSE count(*) FILTER (WHERE r.held_back > 0) >= 5
                AND 2 * max(r.held_back) <= sum(r.held_back)
                AND 3 * coalesce(max(s.value), 0) <= 2 * sum(r.held_back) END
        FROM rest r LEFT JOIN sensitive s ON s.metric = r.metric
        GROUP BY r.metric
    ) AS r (is_safe)
$$;

-- Computes a month anew.
CREATE FUNCTION retail_mcp.make_store_benchmarks(p_month date)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_next CONSTANT date := (p_month + interval '1 month')::date;
    v_store record;
    v_held_back integer[];
    v_shown integer[];
    v_more integer;
    v_total_is_shown boolean;
BEGIN
    DELETE FROM retail.store_benchmark b WHERE b.month = p_month;
    INSERT INTO retail.store_benchmark
    WITH sold AS (
        SELECT s.store_id, 0 AS category_id, sum(d.net_sales) AS net_sales,
            sum(d.units_sold) AS units, sum(d.order_count) AS orders,
            sum(d.gross_sales) AS gross_sales, sum(d.discount_amount) AS discount
        FROM retail.stores s
        JOIN retail.sales_by_day d
            ON d.store_id = s.store_id AND d.order_date >= p_month AND d.order_date < v_next
        GROUP BY 1
        HAVING sum(d.units_sold) > 0
        UNION ALL
        SELECT s.store_id, p.category_id, sum(d.net_sales), sum(d.units_sold), NULL, NULL, NULL
        FROM retail.stores s
        JOIN retail.sales_by_product_day d
            ON d.store_id = s.store_id AND d.order_date >= p_month AND d.order_date < v_next
        JOIN retail.products p ON p.product_id = d.product_id
        GROUP BY 1, 2
        HAVING sum(d.units_sold) > 0
    ),
    -- part and whole: what a mean of several stores is made of.
    figure AS (
        SELECT s.store_id, s.category_id, m.metric, round(m.value, 2) AS value, m.part, m.whole,
            m.metric IN ('net_sales', 'units', 'orders') AS is_sum
        FROM sold s
        CROSS JOIN LATERAL (VALUES
            ('net_sales', s.net_sales, s.net_sales, 1),
            ('units', s.units, s.units, 1),
            ('orders', s.orders, s.orders, 1),
            ('basket_value', s.net_sales / s.orders, s.net_sales, s.orders),
            ('units_per_order', s.units / s.orders, s.units, s.orders),
            ('discount_rate', 100 * s.discount / nullif(s.gross_sales, 0), 100 * s.discount, s.gross_sales)
        ) AS m (metric, value, part, whole)
        WHERE m.value IS NOT NULL
    ),
    compared AS (
        SELECT f.*, rank() OVER by_value AS place, count(*) OVER cell AS stores,
            sum(f.part) OVER cell - f.part AS other_parts,
            sum(f.whole) OVER cell - f.whole AS other_wholes,
            CASE row_number() OVER by_part WHEN 1 THEN nth_value(f.part, 2) OVER by_part
                 ELSE first_value(f.part) OVER by_part END AS top_part,
            CASE row_number() OVER by_whole WHEN 1 THEN nth_value(f.whole, 2) OVER by_whole
                 ELSE first_value(f.whole) OVER by_whole END AS top_whole,
            min(f.part) OVER cell AS least_part,
            count(*) FILTER (WHERE f.part > 0) OVER cell - (f.part > 0)::integer AS contributing
        FROM figure f
        WINDOW cell AS (PARTITION BY f.category_id, f.metric),
            by_value AS (cell ORDER BY f.value DESC),
            by_part AS (PARTITION BY f.category_id, f.metric ORDER BY f.part DESC, f.store_id
                        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING),
            by_whole AS (PARTITION BY f.category_id, f.metric ORDER BY f.whole DESC, f.store_id
                         ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    ),
    judged AS (
        SELECT c.*, c.stores < 6 AS is_few,
            -- At the ends of the ranking a mean bounds all others from both sides, whatever their weights.
            c.contributing < 5 OR c.least_part < 0
                OR 2 * c.top_part > c.other_parts OR 2 * c.top_whole > c.other_wholes
                OR CASE WHEN c.is_sum
                        THEN retail_mcp.benchmark_confines(c.value, c.place, c.stores, c.other_parts)
                        ELSE c.place IN (1, c.stores) END AS is_sensitive
        FROM compared c
    ),
    -- What nearly follows from each other is shown together or not at all: orders from net sales and a basket as one's own,
    -- one of basket value, net sales and orders from the other two.
    decided AS (
        SELECT j.*, j.is_few
            OR bool_or(j.is_sensitive) FILTER (WHERE j.is_sum) OVER cell
            OR CASE WHEN j.metric IN ('orders', 'basket_value', 'units_per_order')
                    THEN bool_or(j.is_sensitive)
                        FILTER (WHERE j.metric IN ('basket_value', 'units_per_order')) OVER cell
                    ELSE j.is_sensitive END AS is_held_back
        FROM judged j
        WINDOW cell AS (PARTITION BY j.category_id, j.store_id)
    )
    SELECT d.store_id, p_month, d.category_id, d.metric, d.value,
        CASE WHEN NOT d.is_few THEN d.place END, CASE WHEN NOT d.is_few THEN d.stores END,
        CASE WHEN NOT d.is_few THEN round(100.0 * (d.stores - d.place) / (d.stores - 1)) END,
        CASE WHEN NOT d.is_held_back THEN retail_mcp.two_digits(d.other_parts / d.other_wholes) END,
        d.is_held_back,
        CASE WHEN d.is_few THEN 'few_stores' WHEN d.is_held_back THEN 'protected' END
    FROM decided d;

    -- Complementary suppression, for each store by itself: it is another sum that each is shown.
    FOR v_store IN
        WITH sums AS (
            SELECT b.category_id, b.metric, count(*) AS stores, sum(b.value) AS total, min(b.value) AS least,
                (array_agg(b.value ORDER BY b.value DESC))[1:2] AS top
            FROM retail.store_benchmark b
            WHERE b.month = p_month AND b.category_id <> 0 AND b.metric IN ('net_sales', 'units')
            GROUP BY 1, 2
        ),
        seen AS (
            SELECT s.store_id, c.category_id, coalesce(bool_or(NOT b.suppressed), false) AS is_shown,
                -- A category that the store does not sell has no row; it may need protection all the same.
                bool_or(CASE WHEN b.store_id IS NOT NULL THEN b.suppressed
                             ELSE c.stores < 5 OR c.least < 0 OR 2 * c.top[1] > c.total END) AS is_sensitive
            FROM (SELECT DISTINCT b.store_id FROM retail.store_benchmark b WHERE b.month = p_month) AS s
            CROSS JOIN sums c
            LEFT JOIN retail.store_benchmark b ON b.store_id = s.store_id AND b.month = p_month
                AND b.category_id = c.category_id AND b.metric = c.metric
            GROUP BY 1, 2
        )
        SELECT s.store_id,
            coalesce(array_agg(s.category_id) FILTER (WHERE s.is_shown), '{}') AS shown,
            coalesce(array_agg(s.category_id) FILTER (WHERE NOT s.is_shown), '{}') AS held_back,
            coalesce(array_agg(s.category_id) FILTER (WHERE s.is_sensitive), '{}') AS sensitive,
            coalesce((SELECT NOT b.suppressed FROM retail.store_benchmark b
                      WHERE b.store_id = s.store_id AND b.month = p_month AND b.category_id = 0
                        AND b.metric = 'net_sales'), false) AS total_is_shown
        FROM seen s
        GROUP BY s.store_id
    LOOP
        v_held_back := v_store.held_back;
        v_shown := v_store.shown;
        v_total_is_shown := v_store.total_is_shown;
        WHILE cardinality(v_shown) > 0 AND NOT retail_mcp.benchmark_rest_is_safe(
            v_store.store_id, p_month, v_held_back, v_store.sensitive, v_total_is_shown)
        LOOP
            -- The one that tells least of those that are enough; else the largest, and another one after it.
            SELECT c.category_id INTO STRICT v_more
            FROM (
                SELECT b.category_id, sum(b.value) AS value,
                    retail_mcp.benchmark_rest_is_safe(v_store.store_id, p_month, v_held_back || b.category_id,
                        v_store.sensitive, v_total_is_shown) AS is_enough
                FROM retail.store_benchmark b
                WHERE b.month = p_month AND b.category_id = ANY (v_shown) AND b.metric = 'net_sales'
                  AND b.store_id <> v_store.store_id
                GROUP BY 1
            ) AS c
            ORDER BY c.is_enough DESC, CASE WHEN c.is_enough THEN c.value ELSE -c.value END, c.category_id
            LIMIT 1;
            v_held_back := v_held_back || v_more;
            v_shown := array_remove(v_shown, v_more);
        END LOOP;
        IF v_total_is_shown AND NOT retail_mcp.benchmark_rest_is_safe(
            v_store.store_id, p_month, v_held_back, v_store.sensitive, true)
        THEN
            v_held_back := v_held_back || 0;
        END IF;
        UPDATE retail.store_benchmark b
        SET peer_mean = NULL, suppressed = true, reason = 'protected'
        WHERE b.store_id = v_store.store_id AND b.month = p_month AND b.category_id = ANY (v_held_back)
          AND NOT b.suppressed;
    END LOOP;
END $$;

-- The rows of a month, so that a change can be seen.
CREATE FUNCTION retail_mcp.store_benchmarks_digest(p_month date)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT md5(string_agg(b::text, E'\n' ORDER BY b.store_id, b.category_id, b.metric))
    FROM retail.store_benchmark b WHERE b.month = p_month
$$;

-- Publishes the months that ended by a day and are not there yet. What is there stays, whatever came in later: a second version of
-- a figure would tell by its difference. Only with p_restate are all of them computed anew.
CREATE FUNCTION retail_mcp.publish_store_benchmarks(p_until date, p_restate boolean)
RETURNS TABLE (published bigint, restated bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_month date;
    v_before text;
BEGIN
    IF p_until IS NULL OR p_restate IS NULL OR NOT isfinite(p_until) THEN
        RAISE EXCEPTION 'p_until must be a day and p_restate true or false';
    END IF;
    -- One publisher at a time. Readers do not wait.
    LOCK TABLE retail.store_benchmark IN SHARE ROW EXCLUSIVE MODE;
    published := 0;
    restated := 0;
    FOR v_month IN
        SELECT m.month
        FROM (
            SELECT DISTINCT date_trunc('month', d.order_date::timestamp)::date AS month
            FROM retail.sales_by_day d WHERE d.order_date <= p_until AND isfinite(d.order_date)
            UNION
            SELECT b.month FROM retail_mcp.benchmark_month b
        ) AS m
        WHERE (m.month + interval '1 month')::date <= p_until + 1
          AND (p_restate OR NOT EXISTS (SELECT FROM retail_mcp.benchmark_month b WHERE b.month = m.month))
        ORDER BY 1
    LOOP
        v_before := retail_mcp.store_benchmarks_digest(v_month);
        PERFORM retail_mcp.make_store_benchmarks(v_month);
        INSERT INTO retail_mcp.benchmark_month AS b (month) VALUES (v_month) ON CONFLICT (month) DO NOTHING;
        IF FOUND THEN
            published := published + 1;
        ELSIF v_before IS DISTINCT FROM retail_mcp.store_benchmarks_digest(v_month) THEN
            restated := restated + 1;
            UPDATE retail_mcp.benchmark_month b
            SET restated_at = now(), restatements = b.restatements + 1 WHERE b.month = v_month;
        END IF;
    END LOOP;
    RETURN NEXT;
END $$;

REVOKE ALL ON FUNCTION retail_mcp.two_digits(numeric),
    retail_mcp.benchmark_confines(numeric, bigint, bigint, numeric),
    retail_mcp.benchmark_rest_is_safe(integer, date, integer[], integer[], boolean),
    retail_mcp.make_store_benchmarks(date), retail_mcp.store_benchmarks_digest(date),
    retail_mcp.publish_store_benchmarks(date, boolean) FROM PUBLIC;
