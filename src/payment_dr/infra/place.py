"""Where a stack's resources are: names and ARNs, all of them known before anything exists.

No stack reads another one: what lies elsewhere is found by its name, so that each site can be
planned and applied while the other region is unreachable.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from payment_dr.core.settings import Settings, SiteSettings

ZONES: Final = ("a", "b", "c")
"""Availability zones of each site, by the letter after the region's name."""

_OTHER_ZONES: Final[Mapping[str, tuple[str, str, str]]] = {"ap-northeast-1": ("a", "c", "d")}
"""Where accounts lack one of them: Tokyo's b is constrained. All other regions that the payments
table may span have a, b and c.

Source, with the section on constrained zones:
https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A site of an environment."""

    settings: Settings
    site: SiteSettings

    @property
    def peer(self) -> SiteSettings:
        """The other site."""
        return self.settings.peer(self.site.name)

    @property
    def is_home(self) -> bool:
        """Whether this is where the global cluster was made; says nothing of today's writer."""
        return self.site.name == self.settings.home

    def name(self, thing: str) -> str:
        """Name of this site's own thing: `payments-<thing>-<site>-<suffix>`."""
        return self.settings.resource(thing, self.site.name)

    def shared(self, thing: str) -> str:
        """Name of a thing that both sites have under one name: `payments-<thing>-<suffix>`."""
        return self.settings.resource(thing)

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """ARN of a resource in this account; of this site's region unless another is given."""
        account = self.settings.deployment.account_id
        return f"arn:aws:{service}:{region or self.site.region}:{account}:{resource}"

    def secret_arn(self, thing: str) -> str:
        """ARN of this region's copy of a shared secret; AWS appends six characters of its own."""
        return self.arn("secretsmanager", f"secret:{self.shared(thing)}-??????")

    @property
    def table_arn(self) -> str:
        """ARN of this region's replica of the payments table."""
        return self.arn("dynamodb", f"table/{self.shared('table')}")

    @property
    def zones(self) -> tuple[str, ...]:
        """Names of the site's availability zones."""
        region = self.site.region
        return tuple(f"{region}{letter}" for letter in _OTHER_ZONES.get(region, ZONES))

    @property
    def bucket_suffix(self) -> str:
        """What makes bucket names unique among all accounts: `-<account>`."""
        return f"-{self.settings.deployment.account_id}"


def places(settings: Settings) -> tuple[Place, Place]:
    """Both sites, home first: the order in which they are made."""
    home, peer = settings.site(settings.home), settings.peer(settings.home)
    return Place(settings=settings, site=home), Place(settings=settings, site=peer)
