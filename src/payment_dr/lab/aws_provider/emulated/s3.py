"""Buckets."""

from typing import Any, Final

from payment_dr.lab.aws_provider.emulated.resource import Emulated, Job, Types
from payment_dr.lab.aws_provider.wire.values import Object

_DEFAULT_REGION: Final = "us-east-1"
"""S3's own default, which must not be named."""

_PAGES_MAX: Final = 1000


def _create(job: Job) -> Object:
    name, place = job.state["bucket"], {"LocationConstraint": job.region}
    kept: Any = {} if job.region == _DEFAULT_REGION else {"CreateBucketConfiguration": place}
    job.client("s3").create_bucket(Bucket=name, **kept)
    if job.tags():
        job.client("s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": job.tags()})
    return {"id": name} | _read(job)


def _read(job: Job) -> Object:
    name = job.state["bucket"]
    job.client("s3").head_bucket(Bucket=name)
    return {
        "arn": f"arn:aws:s3:::{name}",
        "bucket_domain_name": f"{name}.s3.amazonaws.com",
        "bucket_regional_domain_name": f"{name}.s3.{job.region}.amazonaws.com",
        "bucket_region": job.region,
    }


def _delete(job: Job) -> None:
    client, name = job.client("s3"), job.state["bucket"]
    for _ in range(_PAGES_MAX if job.state.get("force_destroy") else 0):
        objects = client.list_objects_v2(Bucket=name).get("Contents", [])
        if not objects:
            break
        keys = [{"Key": each["Key"]} for each in objects]
        client.delete_objects(Bucket=name, Delete={"Objects": keys})
    client.delete_bucket(Bucket=name)


TYPES: Final[Types] = {"aws_s3_bucket": Emulated(create=_create, read=_read, delete=_delete)}
