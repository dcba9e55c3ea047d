"""Evidence: written once, kept, read by nobody unseen."""

from infra.synthesized import Body, StackJson, resources, statements, the, the_name
from payment_dr.infra.constructs.evidence import KEPT_DAYS, evidence_bucket
from payment_dr.infra.place import Place


def _reference(stack: StackJson, name: str) -> str:
    return f"${{aws_s3_bucket.{the_name(stack, 'aws_s3_bucket', bucket=name)}.id}}"


def _log_bucket(place: Place) -> str:
    return f"{place.name('access')}-123456789012"


def _of(stack: StackJson, kind: str, name: str) -> Body:
    return the(stack, kind, bucket=_reference(stack, name))


def test_the_bucket_is_called_what_functions_are_told(site: StackJson, place: Place) -> None:
    assert evidence_bucket(place) == f"payments-evidence-{place.site.name}-prod-123456789012"
    bucket = the(site, "aws_s3_bucket", bucket=evidence_bucket(place))
    assert bucket["force_destroy"] is False


def test_a_document_cannot_be_changed_or_deleted_for_years(site: StackJson, place: Place) -> None:
    bucket = the(site, "aws_s3_bucket", bucket=evidence_bucket(place))
    assert bucket["object_lock_enabled"] is True
    lock = _of(site, "aws_s3_bucket_object_lock_configuration", evidence_bucket(place))
    assert lock["rule"] == {"default_retention": {"mode": "GOVERNANCE", "days": KEPT_DAYS}}
    versioning = _of(site, "aws_s3_bucket_versioning", evidence_bucket(place))
    assert versioning["versioning_configuration"] == {"status": "Enabled"}


def test_lifting_a_lock_takes_a_change_of_the_policy_first(site: StackJson, place: Place) -> None:
    policy = _of(site, "aws_s3_bucket_policy", evidence_bucket(place))["policy"]
    bypass = statements(policy)["NoBypass"]
    assert bypass["Effect"] == "Deny"
    assert bypass["Action"] == ["s3:BypassGovernanceRetention"]
    assert bypass["Principal"] == {"AWS": "*"}


def test_evidence_does_not_expire_and_old_versions_outlive_their_lock(
    site: StackJson, place: Place
) -> None:
    (rule,) = _of(site, "aws_s3_bucket_lifecycle_configuration", evidence_bucket(place))["rule"]
    assert "expiration" not in rule
    assert rule["noncurrent_version_expiration"] == [{"noncurrent_days": KEPT_DAYS}]
    assert rule["abort_incomplete_multipart_upload"] == [{"days_after_initiation": 7}]


def test_evidence_is_encrypted_under_the_data_key(site: StackJson, place: Place) -> None:
    (rule,) = _of(
        site, "aws_s3_bucket_server_side_encryption_configuration", evidence_bucket(place)
    )["rule"]
    key = the_name(site, "aws_kms_key", tags={"Name": place.name("data")})
    assert rule["apply_server_side_encryption_by_default"] == {
        "sse_algorithm": "aws:kms",
        "kms_master_key_id": f"${{aws_kms_key.{key}.arn}}",
    }
    assert rule["bucket_key_enabled"] is True


def test_no_bucket_can_become_public(site: StackJson) -> None:
    for name in resources(site, "aws_s3_bucket"):
        reference = f"${{aws_s3_bucket.{name}.id}}"
        block = the(site, "aws_s3_bucket_public_access_block", bucket=reference)
        assert {value for key, value in block.items() if key != "bucket"} == {True}
        ownership = the(site, "aws_s3_bucket_ownership_controls", bucket=reference)
        assert ownership["rule"] == {"object_ownership": "BucketOwnerEnforced"}


def test_every_bucket_refuses_what_comes_without_tls(site: StackJson) -> None:
    for name, bucket in resources(site, "aws_s3_bucket").items():
        policy = the(site, "aws_s3_bucket_policy", bucket=f"${{aws_s3_bucket.{name}.id}}")
        refuse = statements(policy["policy"])["TlsOnly"]
        assert (refuse["Effect"], refuse["Action"]) == ("Deny", ["s3:*"])
        assert refuse["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        arn = f"arn:aws:s3:::{bucket['bucket']}"
        assert refuse["Resource"] == [arn, f"{arn}/*"]


def test_each_access_to_evidence_is_logged_in_a_bucket_of_its_own(
    site: StackJson, place: Place
) -> None:
    logging = _of(site, "aws_s3_bucket_logging", evidence_bucket(place))
    assert logging["target_bucket"] == _reference(site, _log_bucket(place))
    assert logging["target_prefix"] == f"{evidence_bucket(place)}/"


def test_the_log_is_delivered_for_this_bucket_alone_and_expires(
    site: StackJson, place: Place
) -> None:
    policy = _of(site, "aws_s3_bucket_policy", _log_bucket(place))["policy"]
    delivery = statements(policy)["Delivery"]
    assert delivery["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert delivery["Condition"]["ArnLike"] == {
        "aws:SourceArn": f"arn:aws:s3:::{evidence_bucket(place)}"
    }
    (rule,) = _of(site, "aws_s3_bucket_lifecycle_configuration", _log_bucket(place))["rule"]
    assert rule["expiration"] == [{"days": 365}]


def test_the_log_has_the_one_encryption_that_s3_delivers_to(site: StackJson, place: Place) -> None:
    (rule,) = _of(site, "aws_s3_bucket_server_side_encryption_configuration", _log_bucket(place))[
        "rule"
    ]
    assert rule["apply_server_side_encryption_by_default"] == {"sse_algorithm": "AES256"}
    assert the(site, "aws_s3_bucket", bucket=_log_bucket(place))["object_lock_enabled"] is False
