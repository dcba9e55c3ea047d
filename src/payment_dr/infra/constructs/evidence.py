"""Evidence of moves and checks: written once, kept for an audit, each access logged.

The lock is of the kind that can be lifted ("governance"): the other kind nobody can lift, so that
what a drill wrote by mistake, or a customer's data in it, would stay for the whole time. To lift it
takes a change of the bucket's policy first, which is reviewed like any other.
"""

from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.s3_bucket_logging import S3BucketLoggingA
from cdktn_provider_aws.s3_bucket_object_lock_configuration import (
    S3BucketObjectLockConfigurationA,
    S3BucketObjectLockConfigurationRuleA,
    S3BucketObjectLockConfigurationRuleDefaultRetentionA,
)
from constructs import Construct

from payment_dr.infra.constructs.keys import SiteKeys
from payment_dr.infra.constructs.policies import Effect, PolicyStatement
from payment_dr.infra.constructs.private_bucket import PrivateBucket, PrivateBucketProps
from payment_dr.infra.place import Place

KEPT_DAYS: Final = 5 * 365
"""Longer than the years between two audits of resilience, with the drills of each year."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceProps:
    """Where the evidence is kept, and with which key."""

    place: Place
    keys: SiteKeys


class SiteEvidence(Construct):
    """Locked bucket, and a second one for the log of who read it.

    The log's own bucket is not logged: it would log its own log. It has no lock and the key of S3,
    as S3 delivers logs to no bucket with a default lock or another key.

    Attributes:
        bucket: name of the bucket of evidence, `evidence_bucket(place)`.
        bucket_arn: its ARN.
    """

    def __init__(self, scope: Construct, construct_id: str, props: EvidenceProps) -> None:
        super().__init__(scope, construct_id)
        place = props.place
        name = evidence_bucket(place)
        evidence = PrivateBucket(
            self,
            "evidence",
            PrivateBucketProps(
                name=name,
                key_arn=props.keys.data_arn,
                object_lock=True,
                expires_days=None,
                old_versions_days=KEPT_DAYS,
                statements=(_no_bypass(name),),
            ),
        )
        S3BucketObjectLockConfigurationA(
            self,
            "lock",
            bucket=evidence.bucket.id,
            object_lock_enabled="Enabled",
            rule=S3BucketObjectLockConfigurationRuleA(
                default_retention=S3BucketObjectLockConfigurationRuleDefaultRetentionA(
                    mode="GOVERNANCE", days=KEPT_DAYS
                )
            ),
            depends_on=[evidence.versioning],
        )
        S3BucketLoggingA(
            self,
            "logging",
            bucket=evidence.bucket.id,
            target_bucket=self._log_bucket(place),
            target_prefix=f"{name}/",
        )
        self.bucket: str = evidence.bucket.bucket
        self.bucket_arn: str = evidence.bucket.arn

    def _log_bucket(self, place: Place) -> str:
        days = place.settings.deployment.log_retention_days
        name = f"{place.name('access')}{place.bucket_suffix}"
        log = PrivateBucket(
            self,
            "access",
            PrivateBucketProps(
                name=name,
                key_arn=None,
                object_lock=False,
                expires_days=days,
                old_versions_days=days,
                statements=(_delivery(place, name),),
            ),
        )
        return log.bucket.id


def evidence_bucket(place: Place) -> str:
    """Name of the site's bucket of evidence, known before it exists."""
    return f"{place.name('evidence')}{place.bucket_suffix}"


def _delivery(place: Place, log_name: str) -> PolicyStatement:
    return PolicyStatement(
        sid="Delivery",
        actions=("s3:PutObject",),
        resources=(f"arn:aws:s3:::{log_name}/*",),
        principal={"Service": "logging.s3.amazonaws.com"},
        conditions={
            "StringEquals": {"aws:SourceAccount": place.settings.deployment.account_id},
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{evidence_bucket(place)}"},
        },
    )


def _no_bypass(name: str) -> PolicyStatement:
    return PolicyStatement(
        sid="NoBypass",
        actions=("s3:BypassGovernanceRetention",),
        resources=(f"arn:aws:s3:::{name}/*",),
        principal={"AWS": "*"},
        effect=Effect.DENY,
    )
