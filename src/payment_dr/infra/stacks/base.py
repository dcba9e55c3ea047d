"""What every stack has: one provider that refuses other accounts, tags, and a state of its own.

State lies in the stack's own region, so that the loss of the other one blocks no plan. What both
sites share (`foundation`, `links`) keeps its state at home: neither is touched in a failover.
"""

from typing import Final

from cdktn import S3Backend, TerraformOutput, TerraformStack
from cdktn_provider_aws.provider import AwsProvider, AwsProviderDefaultTags
from constructs import Construct

from payment_dr.infra.place import Place

PROJECT: Final = "payments"
"""Value of the tag `Project`."""


def site_base(scope: Construct, name: str, place: Place) -> TerraformStack:
    """A stack of one site, empty: its region, and state in the site's own bucket."""
    return _base(scope, name, place, {"Site": place.site.name})


def shared_base(scope: Construct, name: str, home: Place) -> TerraformStack:
    """A stack of what both sites share, empty; its provider's region is home's."""
    return _base(scope, name, home, {"Scope": name})


def state_bucket(place: Place) -> str:
    """Bucket of the site's states: `payments-state-<site>-<suffix>-<account>`."""
    return f"{place.name('state')}{place.bucket_suffix}"


def output(scope: Construct, name: str, value: str | int, description: str) -> None:
    """An output of the stack, a flat scalar under exactly this PascalCase name."""
    TerraformOutput(scope, name, value=value, description=description, static_id=True)


def _base(scope: Construct, name: str, place: Place, own: dict[str, str]) -> TerraformStack:
    stack = TerraformStack(scope, name)
    deployment = place.settings.deployment
    tags = {
        "Project": PROJECT,
        "Environment": place.settings.environment_suffix,
        "ManagedBy": "payment-dr",
        **own,
    }
    AwsProvider(
        stack,
        "aws",
        region=place.site.region,
        allowed_account_ids=[deployment.account_id],
        default_tags=[AwsProviderDefaultTags(tags=tags)],
    )
    S3Backend(
        stack,
        bucket=state_bucket(place),
        key=f"{name}.tfstate",
        region=place.site.region,
        encrypt=True,
        use_lockfile=True,
    )
    return stack
