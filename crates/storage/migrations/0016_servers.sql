-- What servers tell each other and operators: how each of them does, the last calls, and how new the data are.
SET LOCAL ROLE retail_owner;

-- Unlogged: after a crash of the database each server tells anew within seconds.
CREATE UNLOGGED TABLE retail_mcp.server_report (
    server uuid PRIMARY KEY,
    reported_at timestamptz NOT NULL,
    report text NOT NULL CHECK (octet_length(report) <= 65536)
);
COMMENT ON TABLE retail_mcp.server_report IS 'How each server does, by its own word; one row a process';
COMMENT ON COLUMN retail_mcp.server_report.server IS 'Key that the process made for itself';
COMMENT ON COLUMN retail_mcp.server_report.reported_at IS 'When it last told, by the clock of the database';
COMMENT ON COLUMN retail_mcp.server_report.report IS 'What it told, as JSON of retail_telemetry::ServerReport';
ALTER TABLE retail_mcp.server_report ENABLE ROW LEVEL SECURITY;
ALTER TABLE retail_mcp.server_report FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_maintains ON retail_mcp.server_report TO retail_owner USING (true) WITH CHECK (true);
REVOKE ALL ON retail_mcp.server_report FROM PUBLIC;

-- Puts a server's report in the place of its last one, and gives those of all. A server that has been silent for a
-- quarter of an hour is forgotten.
CREATE FUNCTION retail_mcp.exchange_server_reports(p_server uuid, p_report text)
RETURNS TABLE (server uuid, age_seconds double precision, report text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- SKIP LOCKED: two servers that tidy up at once do not wait for each other.
    DELETE FROM retail_mcp.server_report r USING (
        SELECT s.server FROM retail_mcp.server_report s
        WHERE s.reported_at < clock_timestamp() - interval '15 minutes' FOR UPDATE SKIP LOCKED
    ) AS old
    WHERE r.server = old.server;
    INSERT INTO retail_mcp.server_report AS r (server, reported_at, report)
    VALUES (p_server, clock_timestamp(), p_report)
    ON CONFLICT ON CONSTRAINT server_report_pkey
    DO UPDATE SET reported_at = EXCLUDED.reported_at, report = EXCLUDED.report;
    RETURN QUERY
    SELECT r.server, extract(epoch FROM clock_timestamp() - r.reported_at)::double precision, r.report
    FROM retail_mcp.server_report r ORDER BY r.reported_at DESC LIMIT 200;
END $$;

-- The last calls, newest first, for the operators' page: who called which tool and what became of it, at most a hundred.
-- The log itself stays out of the service login's reach.
CREATE FUNCTION retail_mcp.recent_audit(p_count integer)
RETURNS TABLE (called_us bigint, subject text, actor text, store_name text, tool text, fingerprint text,
               outcome text, row_count bigint, duration_us bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT (extract(epoch FROM a.called_at) * 1000000)::bigint, a.subject, a.actor, s.store_name, a.tool,
        a.fingerprint, a.outcome, a.row_count, a.duration_us
    FROM (SELECT * FROM retail_mcp.audit_log ORDER BY seq DESC LIMIT least(p_count, 100)) AS a
    LEFT JOIN retail.stores s ON s.store_id = a.store_id
    ORDER BY a.seq DESC
$$;

-- How new the data are: the day of the newest order of any store.
CREATE FUNCTION retail_mcp.newest_order_date()
RETURNS date LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT max(d.order_date) FROM retail.sales_by_day d
$$;

REVOKE ALL ON FUNCTION retail_mcp.exchange_server_reports(uuid, text), retail_mcp.recent_audit(integer),
    retail_mcp.newest_order_date() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retail_mcp.exchange_server_reports(uuid, text), retail_mcp.recent_audit(integer),
    retail_mcp.newest_order_date() TO retail_service;
