"""Tokens of IAM, by which a user logs in to Aurora instead of by a password.

A token is a signature over host, port and user, made in this process out of the credentials that
it has: nothing is asked, in no region. It is good for 15 minutes and only until the login, so each
new connection gets one of its own; an open connection does not end with it.

Source: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.html
"""

from typing import TYPE_CHECKING

from payment_dr.adapters.aws_calls import aws_errors
from payment_dr.adapters.postgres import LedgerLogin

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient


def token_login(client: "RDSClient", host: str, port: int, user: str) -> LedgerLogin:
    """A login of `user` with a token of this moment; TLS is not a choice with one.

    Args:
        client: of the region that the host is in.
        host: one name, that of the cluster's writer or of its proxy.
        port: of it.
        user: a member of `rds_iam`.

    Raises:
        UnavailableError: the process has no credentials to sign with.
    """
    remedy = "check that the function has a role, or that credentials are configured"
    with aws_errors(f"signing a token for {user} at {host}", writes=False, remedy=remedy):
        token = client.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user)
    return LedgerLogin(host=host, port=port, user=user, password=token, tls=True)
