"""Who may log in to the ledger: two users for each purpose, of which a rotation uses one at a time.

The second user of a pair has the first one's rights and no others. No administrator may change
roles: it may call one function, which sets the password of one of the four users, never that of
the session's own user, and takes nothing but a SCRAM verifier, so that no password can get into
the server's logs. The payment API has a user besides, which AWS lets in without a password.
"""

from typing import Any, Final

from psycopg import Connection

APP_USERS: Final = ("payment_app", "payment_app_2")
"""Users of handlers; the second one inherits what migrations grant to the first."""

ADMIN_USERS: Final = ("payment_admin", "payment_admin_2")
"""Users who migrate, stamp and rotate; the second one acts as the first from its login on, so
that what it makes belongs to the first."""

MASTER_USER: Final = "payment_master"
"""The first user of a deployed cluster, who makes the others."""

API_USER: Final = "payment_api"
"""User of the payment API on AWS. It has no password: AWS lets it in by its token."""

_ROLES: Final = """
DO $$
DECLARE
    login text;
BEGIN
    FOREACH login IN ARRAY ARRAY[
        'payment_admin', 'payment_admin_2', 'payment_app', 'payment_app_2', 'payment_api']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', login);  -- no password yet: no login either
        END IF;
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'payment_roles') THEN
        CREATE ROLE payment_roles NOLOGIN CREATEROLE;
    END IF;
END
$$;
GRANT payment_app TO payment_app_2, payment_api WITH INHERIT TRUE, SET FALSE;
GRANT payment_admin TO payment_admin_2 WITH INHERIT TRUE, SET TRUE;
ALTER ROLE payment_admin_2 SET role = 'payment_admin';
GRANT payment_app, payment_app_2, payment_admin, payment_admin_2
    TO payment_roles WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
GRANT payment_roles TO CURRENT_USER WITH INHERIT TRUE, SET TRUE;
CREATE SCHEMA IF NOT EXISTS ledger_logins AUTHORIZATION payment_roles;
SET LOCAL ROLE payment_roles;
CREATE OR REPLACE FUNCTION ledger_logins.set_password(p_login text, p_verifier text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_login NOT IN ('payment_admin', 'payment_admin_2', 'payment_app', 'payment_app_2') THEN
        RAISE EXCEPTION 'role % is none whose password rotates', p_login
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF p_login = session_user THEN
        RAISE EXCEPTION '% is in use by this session; rotate the other user of the pair', p_login
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF p_verifier !~ '^SCRAM-SHA-256\\$' THEN
        RAISE EXCEPTION 'a verifier is needed, not a password'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('ALTER ROLE %I PASSWORD %L', p_login, p_verifier);
END
$$;
REVOKE ALL ON FUNCTION ledger_logins.set_password FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger_logins TO payment_admin;
GRANT EXECUTE ON FUNCTION ledger_logins.set_password TO payment_admin;
RESET ROLE;
"""

_TOKENS: Final = "GRANT rds_iam TO payment_api"
"""From then on Aurora takes tokens from that user, and nothing else."""


def make_roles(connection: Connection[Any], *, tokens: bool = False) -> None:
    """Make the users that are missing, their rights towards each other, and the function.

    Repeatable; changes no password. Commits, or leaves nothing behind.

    Args:
        connection: to database `ledger`, as a user that may create roles and schemas: the
            cluster's first user.
        tokens: whether `API_USER` logs in by tokens of IAM; only Aurora knows these.
    """
    with connection.transaction():
        connection.execute(_ROLES.encode())
        if tokens:
            connection.execute(_TOKENS.encode())
