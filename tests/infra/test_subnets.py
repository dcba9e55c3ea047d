"""The division of a site's network: a pure function."""

from ipaddress import IPv4Network
from itertools import combinations

import pytest

from payment_dr.infra.constructs.subnets import SubnetPlan, Tier, subnet_plan
from payment_dr.infra.place import ZONES

NETWORKS = [IPv4Network(f"10.0.0.0/{prefix}") for prefix in range(16, 21)]


def _tiers(plan: SubnetPlan) -> tuple[Tier, ...]:
    return plan.application, plan.database, plan.public


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_no_two_subnets_overlap_and_all_are_in_the_network(network: IPv4Network) -> None:
    subnets = [subnet for tier in _tiers(subnet_plan(network)) for subnet in tier.subnets]
    assert not any(a.overlaps(b) for a, b in combinations(subnets, 2))
    assert all(subnet.subnet_of(network) for subnet in subnets)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_each_zone_has_a_subnet_of_each_kind(network: IPv4Network) -> None:
    assert {len(tier.subnets) for tier in _tiers(subnet_plan(network))} == {len(ZONES)}


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_a_part_covers_its_own_subnets_and_no_other_part(network: IPv4Network) -> None:
    tiers = _tiers(subnet_plan(network))
    assert not any(a.part.overlaps(b.part) for a, b in combinations(tiers, 2))
    assert all(subnet.subnet_of(tier.part) for tier in tiers for subnet in tier.subnets)


@pytest.mark.parametrize(("network", "application", "database"), [(16, 8187, 4091), (20, 507, 251)])
def test_subnets_are_as_large_as_documented(network: int, application: int, database: int) -> None:
    plan = subnet_plan(IPv4Network(f"10.0.0.0/{network}"))
    taken_by_aws = 5
    sizes = [tier.subnets[0].num_addresses - taken_by_aws for tier in _tiers(plan)]
    assert sizes == [application, database, database]


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_a_zone_can_be_added_without_moving_a_subnet(network: IPv4Network) -> None:
    for tier in _tiers(subnet_plan(network)):
        used = sum(subnet.num_addresses for subnet in tier.subnets)
        assert tier.part.num_addresses - used == tier.subnets[0].num_addresses
