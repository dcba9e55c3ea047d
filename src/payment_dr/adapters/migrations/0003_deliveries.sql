-- Deliveries of events to webhooks. What is planned and done is kept with the events, so that it
-- replicates with them: a ledger that was promoted goes on where its replica was, and sends again
-- at most what was done in the last moment before.

-- One row per event and endpoint. `attempts` counts those begun; one under way has `next_at` in the
-- future, so that after a crash it is due again.
CREATE TABLE ledger.delivery (
    event_id uuid NOT NULL REFERENCES ledger.event,
    endpoint_id text NOT NULL CHECK (endpoint_id <> ''),
    merchant text NOT NULL CHECK (merchant <> ''),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    last_status integer,
    last_error text CHECK (length(last_error) <= 200),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (event_id, endpoint_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX delivery_due ON ledger.delivery (next_at) WHERE state = 'pending';
CREATE INDEX delivery_dead ON ledger.delivery (updated_at) WHERE state = 'dead';
CREATE INDEX delivery_open_of_endpoint ON ledger.delivery (endpoint_id) WHERE state <> 'delivered';

GRANT SELECT, INSERT, UPDATE ON ledger.delivery TO payment_app;
