"""One key for the shared secrets, in both regions: a secret's copy opens without the other one."""

from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.kms_alias import KmsAlias
from cdktn_provider_aws.kms_key import KmsKey
from cdktn_provider_aws.kms_replica_key import KmsReplicaKey
from constructs import Construct

from payment_dr.infra.constructs.policies import Effect, PolicyStatement, policy
from payment_dr.infra.place import Place

DELETION_WINDOW_DAYS: Final = 30
"""Longest that AWS offers: a key deleted by mistake takes every secret with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretKeyProps:
    """Both places: the key is made at home and copied to the peer."""

    home: Place
    peer: Place


class SecretKey(Construct):
    """A multi-Region key with rotation, the same alias at both sites.

    Attributes:
        home_arn: of the key at home.
        peer_arn: of its copy at the other site.
    """

    def __init__(self, scope: Construct, construct_id: str, props: SecretKeyProps) -> None:
        super().__init__(scope, construct_id)
        home, peer = props.home, props.peer
        key = KmsKey(
            self,
            home.site.name,
            description=f"Shared secrets of {home.settings.environment_suffix}",
            multi_region=True,
            enable_key_rotation=True,
            deletion_window_in_days=DELETION_WINDOW_DAYS,
            policy=_policy(home),
            region=home.site.region,
        )
        copy = KmsReplicaKey(
            self,
            peer.site.name,
            description=f"Shared secrets of {home.settings.environment_suffix}",
            primary_key_arn=key.arn,
            deletion_window_in_days=DELETION_WINDOW_DAYS,
            policy=_policy(peer),
            region=peer.site.region,
        )
        alias = f"alias/{home.shared('secrets')}"
        for place, key_id in ((home, key.key_id), (peer, copy.key_id)):
            KmsAlias(
                self,
                f"alias-{place.site.name}",
                name=alias,
                target_key_id=key_id,
                region=place.site.region,
            )
        self.home_arn: str = key.arn
        self.peer_arn: str = copy.arn


def _policy(place: Place) -> str:
    """The account's own policies decide, and data is opened through Secrets Manager alone.

    In a key's policy the resource `*` is the key itself.
    """
    root = f"arn:aws:iam::{place.settings.deployment.account_id}:root"
    return policy(
        PolicyStatement(
            sid="Account", actions=("kms:*",), resources=("*",), principal={"AWS": root}
        ),
        PolicyStatement(
            sid="OnlyThroughSecretsManager",
            effect=Effect.DENY,
            actions=("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"),
            resources=("*",),
            principal={"AWS": "*"},
            # Copying a secret uses both keys, on behalf of either region's service.
            conditions={"StringNotLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}},
        ),
    )
