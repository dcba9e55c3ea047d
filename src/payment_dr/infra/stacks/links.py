"""What joins the sites; made last, and never touched in a move.

Things of the sites are found by name: keys by their alias, networks by their tags.
"""

from cdktn import TerraformStack
from cdktn_provider_aws.data_aws_kms_alias import DataAwsKmsAlias
from cdktn_provider_aws.data_aws_route53_zone import DataAwsRoute53Zone
from constructs import Construct

from payment_dr.infra.constructs.dns import FailoverRecords, FailoverRecordsProps
from payment_dr.infra.constructs.drill_guard import DrillGuard, DrillGuardProps
from payment_dr.infra.constructs.events import EventsProps, SiteEvents
from payment_dr.infra.constructs.fault_injection import FaultInjection, FaultInjectionProps
from payment_dr.infra.constructs.health_checks import (
    HomeHealth,
    HomeHealthProps,
    SiteHealth,
    SiteHealthProps,
)
from payment_dr.infra.constructs.payments_table import PaymentsTable, PaymentsTableProps
from payment_dr.infra.constructs.peering import PeeringProps, SitePeering
from payment_dr.infra.constructs.takeover import TakeoverProps, TakeoverSwitch
from payment_dr.infra.constructs.topic import topic_arn
from payment_dr.infra.deployment_order import LINKS
from payment_dr.infra.place import Place
from payment_dr.infra.stacks.base import output, shared_base


def links_stack(scope: Construct, home: Place, peer: Place) -> TerraformStack:
    """Payments table, peering, failover of the name, events, experiments."""
    stack = shared_base(scope, LINKS, home)
    _table(stack, home, peer)
    peering = SitePeering(stack, "peering", PeeringProps(home=home, peer=peer))
    output(stack, "PeeringConnectionId", peering.connection_id, "Connection of the networks")
    _dns(stack, home, peer)
    SiteEvents(stack, "events", EventsProps(home=home, peer=peer))
    for place in (home, peer):
        _experiments(stack, place)
    return stack


def _table(stack: TerraformStack, home: Place, peer: Place) -> None:
    table = PaymentsTable(
        stack,
        "payments",
        PaymentsTableProps(
            home=home,
            peer=peer,
            home_key_arn=_key_arn(stack, home, "data"),
            peer_key_arn=_key_arn(stack, peer, "data"),
        ),
    )
    output(stack, "PaymentsTableName", table.name, "Payments table, at both sites")
    output(stack, "PaymentsTableArn", table.arn, "Payments table at home")


def _dns(stack: TerraformStack, home: Place, peer: Place) -> None:
    zone = DataAwsRoute53Zone(stack, "zone", name=home.settings.dns.zone, private_zone=False)
    at_home = SiteHealth(stack, f"health-{home.site.name}", SiteHealthProps(place=home))
    at_peer = SiteHealth(stack, f"health-{peer.site.name}", SiteHealthProps(place=peer))
    switch = TakeoverSwitch(stack, "takeover", TakeoverProps(peer=peer))
    answers = HomeHealth(
        stack,
        "answers",
        HomeHealthProps(
            place=home,
            endpoint_id=at_home.health_check_id,
            not_raised_id=switch.health_check_id,
        ),
    )
    FailoverRecords(
        stack,
        "failover",
        FailoverRecordsProps(
            home=home,
            peer=peer,
            zone_id=zone.zone_id,
            home_check_id=answers.health_check_id,
            peer_check_id=at_peer.health_check_id,
        ),
    )
    output(stack, "HomeHealthCheckId", answers.health_check_id, "Decides on home's answer")
    output(stack, "HomeEndpointCheckId", at_home.health_check_id, "Probes /health of home")
    output(stack, "PeerEndpointCheckId", at_peer.health_check_id, "Probes /health of the other")
    output(stack, "TakeoverCheckId", switch.health_check_id, "Asks /takeover of the other")


def _experiments(stack: TerraformStack, place: Place) -> None:
    site = place.site.name
    guard = DrillGuard(
        stack, f"drill-guard-{site}", DrillGuardProps(place=place, topic_arn=topic_arn(place))
    )
    FaultInjection(
        stack,
        f"faults-{site}",
        FaultInjectionProps(
            place=place,
            guard_arn=guard.alarm_arn,
            logs_key_arn=_key_arn(stack, place, "logs"),
        ),
    )


def _key_arn(stack: TerraformStack, place: Place, thing: str) -> str:
    """ARN of a site's key, by its alias."""
    found = DataAwsKmsAlias(
        stack,
        f"key-{thing}-{place.site.name}",
        name=f"alias/{place.name(thing)}",
        region=place.site.region,
    )
    arn: str = found.target_key_arn
    return arn
