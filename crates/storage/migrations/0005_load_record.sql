-- Which sample data the tables hold, so that a second start can tell.
CREATE TABLE retail_mcp.load_record (
    loaded_at timestamptz NOT NULL DEFAULT now(),
    seed bigint NOT NULL,
    scale text NOT NULL,
    until_date date NOT NULL
);
COMMENT ON TABLE retail_mcp.load_record IS 'The sample data set in the tables of schema retail';
COMMENT ON COLUMN retail_mcp.load_record.loaded_at IS 'Time of loading';
COMMENT ON COLUMN retail_mcp.load_record.seed IS 'Seed of the random numbers';
COMMENT ON COLUMN retail_mcp.load_record.scale IS 'Size: tiny, full, or a factor such as 10x';
COMMENT ON COLUMN retail_mcp.load_record.until_date IS 'Day of the last order';
