"""A bucket as every bucket here is: nobody's but the account's, encrypted, versioned, TLS only."""

from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.s3_bucket import S3Bucket
from cdktn_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfiguration,
    S3BucketLifecycleConfigurationRule,
)
from cdktn_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload as AbortUpload,
)
from cdktn_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfigurationRuleExpiration as Expiration,
)
from cdktn_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfigurationRuleFilter as Filter,
)
from cdktn_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration as NoncurrentExpiration,
)
from cdktn_provider_aws.s3_bucket_ownership_controls import (
    S3BucketOwnershipControls,
    S3BucketOwnershipControlsRule,
)
from cdktn_provider_aws.s3_bucket_policy import S3BucketPolicy
from cdktn_provider_aws.s3_bucket_public_access_block import S3BucketPublicAccessBlock
from cdktn_provider_aws.s3_bucket_server_side_encryption_configuration import (
    S3BucketServerSideEncryptionConfigurationA,
    S3BucketServerSideEncryptionConfigurationRuleA,
)
from cdktn_provider_aws.s3_bucket_server_side_encryption_configuration import (
    S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA as ByDefault,
)
from cdktn_provider_aws.s3_bucket_versioning import (
    S3BucketVersioningA,
    S3BucketVersioningVersioningConfiguration,
)
from constructs import Construct

from payment_dr.infra.constructs.policies import Effect, PolicyStatement, policy

_UPLOAD_DAYS: Final = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class PrivateBucketProps:
    """What differs between buckets.

    Attributes:
        name: unique among all accounts.
        key_arn: key of its objects; None for the key of S3, where the writer can use no other.
        object_lock: whether versions can be locked; cannot be changed afterwards.
        expires_days: age at which objects go; None keeps them.
        old_versions_days: time that a replaced version is kept.
        statements: of its policy, besides the one that refuses what comes without TLS.
    """

    name: str
    key_arn: str | None
    object_lock: bool
    expires_days: int | None
    old_versions_days: int
    statements: tuple[PolicyStatement, ...]


class PrivateBucket(Construct):
    """Bucket with its settings; each is a resource of its own.

    Attributes:
        bucket: the resource.
        versioning: the resource that a lock has to wait for.
    """

    def __init__(self, scope: Construct, construct_id: str, props: PrivateBucketProps) -> None:
        super().__init__(scope, construct_id)
        bucket = S3Bucket(
            self,
            "bucket",
            bucket=props.name,
            force_destroy=False,
            object_lock_enabled=props.object_lock,
        )
        self.bucket = bucket
        self.versioning = S3BucketVersioningA(
            self,
            "versions",
            bucket=bucket.id,
            versioning_configuration=S3BucketVersioningVersioningConfiguration(status="Enabled"),
        )
        S3BucketServerSideEncryptionConfigurationA(
            self, "encryption", bucket=bucket.id, rule=[_encryption(props.key_arn)]
        )
        S3BucketLifecycleConfiguration(
            self,
            "lifecycle",
            bucket=bucket.id,
            rule=[_lifecycle(props)],
            depends_on=[self.versioning],
        )
        self._close(bucket, props)

    def _close(self, bucket: S3Bucket, props: PrivateBucketProps) -> None:
        """Only the account, only by policies, only with TLS."""
        closed = S3BucketPublicAccessBlock(
            self,
            "closed",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
        )
        S3BucketOwnershipControls(
            self,
            "ownership",
            bucket=bucket.id,
            rule=S3BucketOwnershipControlsRule(object_ownership="BucketOwnerEnforced"),
        )
        S3BucketPolicy(
            self,
            "policy",
            bucket=bucket.id,
            policy=policy(_tls_only(props.name), *props.statements),
            depends_on=[closed],  # S3 refuses two changes of one bucket's access at a time
        )


def _encryption(key_arn: str | None) -> S3BucketServerSideEncryptionConfigurationRuleA:
    return S3BucketServerSideEncryptionConfigurationRuleA(
        apply_server_side_encryption_by_default=ByDefault(
            sse_algorithm="AES256" if key_arn is None else "aws:kms", kms_master_key_id=key_arn
        ),
        bucket_key_enabled=key_arn is not None,
    )


def _lifecycle(props: PrivateBucketProps) -> S3BucketLifecycleConfigurationRule:
    expires = props.expires_days
    return S3BucketLifecycleConfigurationRule(
        id="keep",
        status="Enabled",
        filter=[Filter(prefix="")],
        abort_incomplete_multipart_upload=[AbortUpload(days_after_initiation=_UPLOAD_DAYS)],
        noncurrent_version_expiration=[
            NoncurrentExpiration(noncurrent_days=props.old_versions_days)
        ],
        expiration=None if expires is None else [Expiration(days=expires)],
    )


def _tls_only(name: str) -> PolicyStatement:
    return PolicyStatement(
        sid="TlsOnly",
        actions=("s3:*",),
        resources=(f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"),
        principal={"AWS": "*"},
        conditions={"Bool": {"aws:SecureTransport": "false"}},
        effect=Effect.DENY,
    )
