"""Which regions hold a site, and which resources of two sites are the same thing."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from payment_dr.lint.plan import REGION, Plan
from payment_dr.lint.resource import Resource

SITE_KINDS: Final = (
    "aws_vpc",
    "aws_rds_cluster",
    "aws_db_instance",
    "aws_lambda_function",
    "aws_ecs_service",
    "aws_eks_cluster",
    "aws_instance",
    "aws_autoscaling_group",
    "aws_apigatewayv2_api",
    "aws_api_gateway_rest_api",
    "aws_lb",
)
"""A region with one of these holds a site; a replica, a certificate or a key alone is none."""

_SHORT_REGION: Final = re.compile(r"(?:us|eu|ap|ca|sa|me|af|il|mx)(?:c|n|s|e|w|ne|nw|se|sw)\d")
_WORD: Final = re.compile(r"[^a-z0-9]+")
_PLACES: Final = frozenset(
    {
        *("active", "alternate", "central", "dr", "east", "home", "north", "passive", "peer"),
        *("primary", "region", "regional", "secondary", "site", "south", "standby", "west"),
    }
)


def sites(plan: Plan) -> tuple[str, ...]:
    """Regions that hold a site, in the order planned."""
    return tuple(dict.fromkeys(resource.region for resource in plan.of(*SITE_KINDS)))


def common_name(resource: Resource, attribute: str) -> str:
    """The name without region, site and role: the same for the same thing at another site.

    The name of the resource in the configuration where the attribute is not known. Parts of a name
    that say a place or a role are left out: `us-west-2`, `usw2`, `west`, `primary`, `dr`.
    """
    name = REGION.sub("", (resource.text(attribute) or resource.name).lower())
    words = [word for word in _WORD.split(name) if word]
    kept = [word for word in words if word not in _PLACES and not _SHORT_REGION.fullmatch(word)]
    return "-".join(kept)


def twins(resources: Iterable[Resource], attribute: str) -> Mapping[str, list[Resource]]:
    """Resources by their common name."""
    groups: defaultdict[str, list[Resource]] = defaultdict(list)
    for resource in resources:
        groups[common_name(resource, attribute)].append(resource)
    return groups
