-- Every decided operation is booked: an event of its own, its postings if it moved money, and what
-- it left of its payment. Nothing of these is changed later but the payment's row and the totals,
-- which follow from the others.

ALTER TABLE ledger.posting DROP CONSTRAINT posting_account_check;
ALTER TABLE ledger.posting ADD CONSTRAINT posting_account_check
    CHECK (account IN ('provider_receivable', 'merchant_payable', 'fees', 'refunds'));

-- One event per operation, under the operation's id, so that one booked again in another cluster
-- is the same event to whoever received it before. `seq` is this cluster's own order.
CREATE TABLE ledger.event (
    event_id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    payment_id uuid NOT NULL,
    ord smallint NOT NULL CHECK (ord > 0),
    merchant text NOT NULL CHECK (merchant <> ''),
    type text NOT NULL CHECK (type LIKE 'payment.%'),
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (payment_id, ord)
);
CREATE INDEX event_of_merchant ON ledger.event (merchant, seq);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.event
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- Each payment as its latest booking left it, for lists; the payments table is the truth.
CREATE TABLE ledger.payment (
    payment_id uuid PRIMARY KEY,
    merchant text NOT NULL CHECK (merchant <> ''),
    status text NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL,
    captured bigint NOT NULL,
    refunded bigint NOT NULL CHECK (refunded <= captured),
    fees bigint NOT NULL,
    ord smallint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX payment_of_merchant ON ledger.payment (merchant, created_at DESC, payment_id DESC);

-- Totals of the postings. In shards by entry, so that one merchant's postings do not queue for a
-- single row.
CREATE TABLE ledger.balance (
    merchant text NOT NULL,
    currency text NOT NULL,
    account text NOT NULL,
    shard smallint NOT NULL,
    minor_units bigint NOT NULL,
    PRIMARY KEY (merchant, currency, account, shard)
) WITH (fillfactor = 50);  -- updates stay on their page

CREATE VIEW ledger.account_balance AS
    SELECT merchant, currency, account, sum(minor_units)::bigint AS minor_units
    FROM ledger.balance GROUP BY merchant, currency, account;

-- Where the totals and the postings disagree: empty, always.
CREATE VIEW ledger.balance_difference AS
    SELECT merchant, currency, account,
        coalesce(t.minor_units, 0) AS maintained, coalesce(s.minor_units, 0) AS posted
    FROM ledger.account_balance t
    FULL JOIN (
        SELECT e.merchant, p.currency, p.account, sum(p.minor_units)::bigint AS minor_units
        FROM ledger.posting p JOIN ledger.journal_entry e USING (entry_id)
        GROUP BY e.merchant, p.currency, p.account) s USING (merchant, currency, account)
    WHERE coalesce(t.minor_units, 0) <> coalesce(s.minor_units, 0);

DROP FUNCTION ledger.post_entries;
DROP TABLE ledger.outbox;

-- Events whose deliveries are not planned yet. A row goes in the statement that plans them.
CREATE TABLE ledger.outbox (event_id uuid PRIMARY KEY REFERENCES ledger.event);

-- The only way in for the application. False, and nothing written, unless the stamp equals
-- (p_epoch, p_site). SHARE mode lets posts run side by side and conflicts with the lock that any
-- change of the stamp takes, in one fair queue: a change waits for the posts that have seen the
-- old stamp, a post that comes after it waits and sees the new one. (FOR SHARE on the row would
-- let a stream of posts starve the change: up to 430 ms were measured with 12 writers.)
CREATE FUNCTION ledger.book(p_epoch bigint, p_site text, p_bookings jsonb) RETURNS boolean
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
            postings jsonb, payment jsonb)
    ), events AS (
        INSERT INTO ledger.event (event_id, payment_id, ord, merchant, type, body)
        SELECT operation_id, payment_id, "order", merchant, type, jsonb_build_object(
            'event_id', operation_id, 'type', type, 'order', "order", 'payment_id', payment_id,
            'operation', kind, 'amount', amount, 'currency', currency,
            'decline_code', decline_code, 'occurred_at', occurred_at, 'payment', payment)
        FROM given ORDER BY operation_id
        ON CONFLICT (event_id) DO NOTHING
        RETURNING event_id
    ), entries AS (
        INSERT INTO ledger.journal_entry
            (entry_id, payment_id, merchant, kind, currency, occurred_at, epoch)
        SELECT g.operation_id, g.payment_id, g.merchant, g.kind, g.currency,
            to_timestamp(g.occurred_at), p_epoch
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
REVOKE ALL ON FUNCTION ledger.book FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.book TO payment_app;
GRANT SELECT ON ledger.event, ledger.payment, ledger.balance, ledger.account_balance,
    ledger.balance_difference TO payment_app;
GRANT SELECT, UPDATE, DELETE ON ledger.outbox TO payment_app;  -- UPDATE: to lock rows
