-- How far this database is completed from the payments table. It lies in the database itself and
-- goes on in the transaction that books: a database that takes the place of another one brings its
-- own, and never counts what the other one had.
CREATE TABLE ledger.rebuild (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    epoch bigint NOT NULL,
    site text NOT NULL,
    revision bigint NOT NULL CHECK (revision > 0),
    state jsonb NOT NULL
);

-- Books, and goes on to p_state, if the state is still that of p_revision (0: none of this epoch).
-- 'fenced' or 'overtaken': nothing is written.
CREATE FUNCTION ledger.rebuild_on(
    p_epoch bigint, p_site text, p_bookings jsonb, p_revision bigint, p_state jsonb) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT ledger.book(p_epoch, p_site, '[]') THEN
        RETURN 'fenced';
    END IF;
    INSERT INTO ledger.rebuild AS known (epoch, site, revision, state)
    SELECT p_epoch, p_site, p_revision + 1, p_state
    WHERE p_revision = 0
        OR EXISTS (SELECT FROM ledger.rebuild r WHERE (r.epoch, r.site) = (p_epoch, p_site))
    ON CONFLICT (singleton) DO UPDATE
    SET epoch = excluded.epoch, site = excluded.site, revision = excluded.revision,
        state = excluded.state
    WHERE known.revision = p_revision AND (known.epoch, known.site) = (p_epoch, p_site)
        OR p_revision = 0 AND (known.epoch, known.site) <> (p_epoch, p_site);
    IF NOT FOUND THEN
        RETURN 'overtaken';
    END IF;
    PERFORM ledger.book(p_epoch, p_site, p_bookings);
    RETURN 'done';
END
$$;
REVOKE ALL ON FUNCTION ledger.rebuild_on FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.rebuild_on TO payment_app;
GRANT SELECT ON ledger.rebuild TO payment_app;
