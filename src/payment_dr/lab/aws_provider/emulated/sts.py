"""Who calls, as the emulator sees it."""

from payment_dr.lab.aws_provider.emulated.resource import Job
from payment_dr.lab.aws_provider.wire.values import Object


def caller(job: Job) -> Object:
    """The account in which the emulator makes everything."""
    found = job.client("sts").get_caller_identity()
    return {
        "account_id": found["Account"],
        "id": found["Account"],
        "arn": found["Arn"],
        "user_id": found["UserId"],
    }
