-- What began an operation is in the books: the id of the request that claimed it stands in its
-- journal entry and its event, so that a line of a log, a charge at the provider, an entry and a
-- webhook are found by one id. Rows from before have none.

ALTER TABLE ledger.journal_entry ADD COLUMN request_id text;

-- As before, but for `request_id`.
CREATE OR REPLACE FUNCTION ledger.book(p_epoch bigint, p_site text, p_bookings jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    added uuid[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'book must read the stamp after locking it: use read committed'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    LOCK TABLE ledger.stamp IN SHARE MODE;
    PERFORM FROM ledger.stamp s WHERE s.epoch = p_epoch AND s.site = p_site;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    -- Each statement locks in one order for all, so that two batches cannot deadlock.
    WITH given AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(p_bookings) AS g(
            operation_id uuid, payment_id uuid, merchant text, kind text, type text, "order" smallint,
            currency text, amount bigint, decline_code text, occurred_at double precision,
            request_id text, postings jsonb, payment jsonb)
    ), events AS (
        INSERT INTO ledger.event (event_id, payment_id, ord, merchant, type, body)
        SELECT operation_id, payment_id, "order", merchant, type, jsonb_build_object(
            'event_id', operation_id, 'type', type, 'order', "order", 'payment_id', payment_id,
            'operation', kind, 'amount', amount, 'currency', currency,
            'decline_code', decline_code, 'occurred_at', occurred_at, 'request_id', request_id,
            'payment', payment)
        FROM given ORDER BY operation_id
        ON CONFLICT (event_id) DO NOTHING
        RETURNING event_id
    ), entries AS (
        INSERT INTO ledger.journal_entry
            (entry_id, payment_id, merchant, kind, currency, occurred_at, epoch, request_id)
        SELECT g.operation_id, g.payment_id, g.merchant, g.kind, g.currency,
            to_timestamp(g.occurred_at), p_epoch, g.request_id
        FROM events e JOIN given g ON g.operation_id = e.event_id
        WHERE jsonb_array_length(g.postings) > 0
    ), legs AS (
        INSERT INTO ledger.posting (entry_id, leg, account, minor_units, currency)
        SELECT g.operation_id, p.leg, p.body ->> 'account', (p.body ->> 'minor_units')::bigint,
            g.currency
        FROM events e JOIN given g ON g.operation_id = e.event_id,
            jsonb_array_elements(g.postings) WITH ORDINALITY AS p(body, leg)
    )
    SELECT coalesce(array_agg(event_id), '{}') INTO added FROM events;
    IF added = '{}' THEN
        RETURN true;
    END IF;

    INSERT INTO ledger.payment AS known (payment_id, merchant, status, currency, amount, captured,
        refunded, fees, ord, created_at, updated_at)
    SELECT DISTINCT ON (g.payment_id) g.payment_id, g.merchant, g.payment ->> 'status', g.currency,
        (g.payment ->> 'amount')::bigint, (g.payment ->> 'captured')::bigint,
        (g.payment ->> 'refunded')::bigint, (g.payment ->> 'fees')::bigint, g."order",
        to_timestamp((g.payment ->> 'created_at')::double precision), to_timestamp(g.occurred_at)
    FROM jsonb_to_recordset(p_bookings) AS g(operation_id uuid, payment_id uuid, merchant text,
        "order" smallint, currency text, occurred_at double precision, payment jsonb)
    WHERE g.operation_id = ANY (added)
    ORDER BY g.payment_id, g."order" DESC
    ON CONFLICT (payment_id) DO UPDATE SET status = excluded.status, captured = excluded.captured,
        refunded = excluded.refunded, fees = excluded.fees, ord = excluded.ord,
        updated_at = excluded.updated_at
    WHERE excluded.ord > known.ord;

    INSERT INTO ledger.balance AS known (merchant, currency, account, shard, minor_units)
    SELECT g.merchant, g.currency, p ->> 'account', get_byte(uuid_send(g.operation_id), 15) % 8,
        sum((p ->> 'minor_units')::bigint)
    FROM jsonb_to_recordset(p_bookings) AS g(
            operation_id uuid, merchant text, currency text, postings jsonb),
        jsonb_array_elements(g.postings) AS p
    WHERE g.operation_id = ANY (added)
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (merchant, currency, account, shard)
    DO UPDATE SET minor_units = known.minor_units + excluded.minor_units;

    INSERT INTO ledger.outbox (event_id) SELECT unnest(added);
    RETURN true;
END
$$;
