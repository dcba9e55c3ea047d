-- Payments and their idempotency keys inside the ledger's database, beside the same double-entry
-- schema that the other design posts to.

CREATE SCHEMA usual;
REVOKE ALL ON SCHEMA usual FROM PUBLIC;
GRANT USAGE ON SCHEMA usual TO payment_app;

CREATE TABLE usual.payment (
    payment_id uuid PRIMARY KEY,
    merchant text NOT NULL CHECK (merchant <> ''),
    idempotency_key text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    open_shard smallint,  -- present while an operation is pending
    record jsonb NOT NULL,
    UNIQUE (merchant, idempotency_key)
);
CREATE INDEX payment_open ON usual.payment (open_shard, payment_id) WHERE open_shard IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON usual.payment TO payment_app;

-- NULL when the key was new and is claimed now, else the payment that has it.
CREATE FUNCTION usual.claim_payment(p_record jsonb, p_open_shard smallint) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO usual.payment (payment_id, merchant, idempotency_key, version, open_shard, record)
    VALUES ((p_record ->> 'payment_id')::uuid, p_record ->> 'merchant',
        p_record #>> '{operations,0,idempotency_key}', (p_record ->> 'version')::bigint,
        p_open_shard, p_record)
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT p.record FROM usual.payment p
        WHERE p.payment_id = (p_record ->> 'payment_id')::uuid);
END
$$;

-- The payment's next version and its booking, both or neither. False, and nothing written,
-- unless the stored version is p_based_on. The ledger's stamp is taken as it is: it fences nothing.
CREATE FUNCTION usual.replace_payment(
    p_based_on bigint, p_record jsonb, p_open_shard smallint, p_bookings jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE usual.payment p
    SET version = (p_record ->> 'version')::bigint, open_shard = p_open_shard, record = p_record
    WHERE p.payment_id = (p_record ->> 'payment_id')::uuid AND p.version = p_based_on;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF jsonb_array_length(p_bookings) > 0 AND NOT (
        SELECT ledger.book(s.epoch, s.site, p_bookings) FROM ledger.stamp s) IS TRUE
    THEN
        RAISE EXCEPTION 'the ledger was never opened' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION usual.claim_payment, usual.replace_payment FROM PUBLIC;
GRANT EXECUTE ON FUNCTION usual.claim_payment, usual.replace_payment TO payment_app;
