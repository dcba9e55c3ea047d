-- Deliveries that were made are kept for a while, to be looked at and sent again, and then removed:
-- there is one for each event and endpoint. The application removes nothing else: what is pending
-- or dead stays until it is made.
CREATE INDEX delivery_made ON ledger.delivery (updated_at) WHERE state = 'delivered';

-- Removes up to p_limit deliveries made before p_before, oldest first; how many that were. One that
-- somebody is just sending again is left.
CREATE FUNCTION ledger.purge_deliveries(p_before timestamptz, p_limit integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH gone AS (
        DELETE FROM ledger.delivery WHERE (event_id, endpoint_id) IN (
            SELECT event_id, endpoint_id FROM ledger.delivery
            WHERE state = 'delivered' AND updated_at < p_before
            ORDER BY updated_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
        RETURNING 1
    )
    SELECT count(*) FROM gone
$$;
REVOKE ALL ON FUNCTION ledger.purge_deliveries FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.purge_deliveries TO payment_app;
