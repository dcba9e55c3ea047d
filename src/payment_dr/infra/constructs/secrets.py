"""Secrets that both sites share by name, each with a copy in the other region.

First values are drawn by the engine while it applies and go to Secrets Manager in write-only
arguments: neither plan nor state holds one. Later values are written by rotation and by people;
no plan touches them again while `FIRST_VERSION` stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cdktn import Fn
from cdktn_provider_aws.ephemeral_aws_secretsmanager_random_password import (
    EphemeralAwsSecretsmanagerRandomPassword,
)
from cdktn_provider_aws.secretsmanager_secret import (
    SecretsmanagerSecret,
    SecretsmanagerSecretReplica,
)
from cdktn_provider_aws.secretsmanager_secret_policy import SecretsmanagerSecretPolicy
from cdktn_provider_aws.secretsmanager_secret_version import SecretsmanagerSecretVersion
from constructs import Construct

from payment_dr.adapters.ledger_roles import MASTER_USER
from payment_dr.infra.constructs.database import MASTER_LOGIN
from payment_dr.infra.constructs.policies import Conditions, Effect, PolicyStatement, policy
from payment_dr.infra.constructs.secret_key import SecretKey
from payment_dr.infra.place import Place

ADMIN_USER: Final = "payment_admin"
"""Stamps, migrates and promotes."""
APPLICATION_USER: Final = "payment_app"
"""May post and read, see the ledger's migrations."""

CANARY: Final = "canary"
"""Merchant whose payments are made by moves that verify themselves."""

FIRST_VERSION: Final = 1
"""Version of the first values. Raise it only to overwrite all secrets with new first values."""

RECOVERY_WINDOW_DAYS: Final = 30
"""How long a deleted secret can be brought back; the longest that AWS offers."""

_PASSWORD_LENGTH: Final = 40
_KEY_LENGTH: Final = 43
_KEY_ID_LENGTH: Final = 16
_NOT_IN_BASE32: Final = {"0": "g", "1": "h", "8": "i", "9": "j"}
"""What hexadecimal has and base 32 lacks, and what stands for it."""
_NOT_SET: Final = "put-the-providers-key-here"

_PURPOSES: Final[Mapping[str, str]] = {
    MASTER_LOGIN: "The cluster's first user; read once, to make the other roles",
    "ledger": "The ledger's role of the application; rotated",
    "ledger-admin": "The ledger's role that stamps and migrates; rotated",
    "provider": "Key of the provider of payments; put by the operator after the first deployment",
    "canary": "API key of the merchant whose payments verify a move; initialise makes it known",
    "webhooks": "Master key that the secrets of merchants' webhooks are derived from",
}
"""Every shared secret by the thing it is for, and what it is."""

THINGS: Final = tuple(_PURPOSES)


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretsProps:
    """Both places and the key that is in both regions."""

    home: Place
    peer: Place
    key: SecretKey


class SharedSecrets(Construct):
    """Every shared secret at home, its copy at the peer, and the first values."""

    def __init__(self, scope: Construct, construct_id: str, props: SecretsProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        secrets = {thing: self._secret(thing) for thing in THINGS}
        for thing, content in self._first_values().items():
            SecretsmanagerSecretVersion(
                self,
                f"{thing}-version",
                secret_id=secrets[thing].id,
                secret_string_wo=Fn.jsonencode(content),
                secret_string_wo_version=FIRST_VERSION,
            )

    def _secret(self, thing: str) -> SecretsmanagerSecret:
        home, peer, key = self._props.home, self._props.peer, self._props.key
        secret = SecretsmanagerSecret(
            self,
            thing,
            name=home.shared(thing),
            description=_PURPOSES[thing],
            kms_key_id=key.home_arn,
            recovery_window_in_days=RECOVERY_WINDOW_DAYS,
            replica=[SecretsmanagerSecretReplica(region=peer.site.region, kms_key_id=key.peer_arn)],
            # A copy that is already there belongs to somebody else: fail instead of overwriting.
            force_overwrite_replica_secret=False,
        )
        SecretsmanagerSecretPolicy(
            self,
            f"{thing}-policy",
            secret_arn=secret.arn,
            policy=_policy(home.settings.deployment.account_id),
            block_public_policy=True,
        )
        return secret

    def _first_values(self) -> dict[str, dict[str, str]]:
        """Content of each secret. What is made of an ephemeral value is ephemeral itself."""
        return {
            MASTER_LOGIN: self._login(MASTER_LOGIN, MASTER_USER),
            "ledger": self._login("ledger", APPLICATION_USER),
            "ledger-admin": self._login("ledger-admin", ADMIN_USER),
            # A secret without any version is not copied to the other region.
            "provider": {"api_key": _NOT_SET},
            "canary": {"api_key": self._api_key()},
            # In hexadecimal, as it is read.
            "webhooks": {"master": Fn.sha256(self._random("webhooks"))},
        }

    def _login(self, thing: str, user: str) -> dict[str, str]:
        return {"username": user, "password": self._random(thing)}

    def _api_key(self) -> str:
        """An API key as merchants have them; its id, which is no secret, follows from the rest."""
        secret = self._random(CANARY, length=_KEY_LENGTH)
        key_id: str = Fn.substr(Fn.sha256(secret), 0, _KEY_ID_LENGTH)
        for digit, letter in _NOT_IN_BASE32.items():
            key_id = Fn.replace(key_id, digit, letter)
        return f"sk_{self._props.home.settings.payments.mode}_{key_id}_{secret}"

    def _random(self, thing: str, *, length: int = _PASSWORD_LENGTH) -> str:
        """A value drawn anew whenever it is needed, and kept nowhere."""
        drawn = EphemeralAwsSecretsmanagerRandomPassword(
            self,
            f"{thing}-random",
            password_length=length,
            # Plain in URLs, headers, JSON and PostgreSQL; 40 of 62 characters are 238 bits.
            exclude_punctuation=True,
            include_space=False,
            require_each_included_type=True,
        )
        return drawn.random_password


def _policy(account: str) -> str:
    """Nobody outside the account and nobody without TLS, whatever their own policies say."""

    def deny(sid: str, conditions: Conditions) -> PolicyStatement:
        return PolicyStatement(
            sid=sid,
            effect=Effect.DENY,
            actions=("secretsmanager:*",),
            resources=("*",),
            principal={"AWS": "*"},
            conditions=conditions,
        )

    return policy(
        deny(
            "OnlyThisAccount",
            {
                "StringNotEquals": {"aws:PrincipalAccount": account},
                # Rotation and copying are calls of AWS itself, which has no account.
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            },
        ),
        deny("OnlyTls", {"Bool": {"aws:SecureTransport": "false"}}),
    )
