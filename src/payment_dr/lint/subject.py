"""What rules look at: the plans, their configurations, the objective, and facts derived once."""

from collections.abc import Sequence
from functools import cached_property

from payment_dr.lint.configuration import Configuration, ModuleConfiguration
from payment_dr.lint.facts.clusters import GlobalCluster, global_clusters
from payment_dr.lint.facts.network import Network
from payment_dr.lint.facts.policies import Policies
from payment_dr.lint.facts.sites import sites
from payment_dr.lint.plan import Plan


class Subject:
    """The plans under judgement.

    Args:
        plan: the resources.
        configurations: of each plan, in the same order; None where not given.
        acceptance_s: longest time without an accepted payment that is promised, seconds.
    """

    def __init__(
        self, plan: Plan, configurations: Sequence[Configuration | None], acceptance_s: float
    ) -> None:
        self.plan = plan
        self.configurations = configurations
        self.acceptance_s = acceptance_s

    def module_configuration(self, plan: int, key: str) -> ModuleConfiguration | None:
        """The configuration of a module of a plan; None where it was not given."""
        configuration = self.configurations[plan]
        return None if configuration is None else configuration.modules.get(key)

    @cached_property
    def sites(self) -> tuple[str, ...]:
        """Regions that hold a site, in the order planned."""
        return sites(self.plan)

    @cached_property
    def global_clusters(self) -> tuple[GlobalCluster, ...]:
        """Aurora global clusters with their members."""
        return global_clusters(self.plan)

    @cached_property
    def policies(self) -> Policies:
        """IAM policies by role."""
        return Policies(self.plan)

    @cached_property
    def network(self) -> Network:
        """Routes and endpoints."""
        return Network(self.plan)
