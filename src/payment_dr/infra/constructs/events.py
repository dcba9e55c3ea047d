"""What happens at one site is told at the other one, while it can still be told.

Each site has a bus that the other one's events arrive on, and forwards two kinds of its own: state
changes of its alarms, and beginnings and ends of its moves. Nothing acts on a forwarded event but
the topic that people read: deciding a move rests on the control record and probes, never on these.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from cdktn_provider_aws.cloudwatch_event_bus import CloudwatchEventBus
from cdktn_provider_aws.cloudwatch_event_rule import CloudwatchEventRule
from cdktn_provider_aws.cloudwatch_event_target import (
    CloudwatchEventTarget,
    CloudwatchEventTargetRetryPolicy,
)
from cdktn_provider_aws.iam_role import IamRole
from cdktn_provider_aws.iam_role_policy import IamRolePolicy
from constructs import Construct

from payment_dr.infra.constructs.policies import PolicyStatement, from_account, policy, trust
from payment_dr.infra.constructs.topic import topic_arn
from payment_dr.infra.permissions_of_recovery import state_machine_arn
from payment_dr.infra.place import Place

_THING: Final = "events"
_STALE_S: Final = 3600
"""An alarm of an hour ago helps nobody: a region that comes back gets no flood of them."""
_ATTEMPTS_MAX: Final = 185


@dataclass(frozen=True, kw_only=True, slots=True)
class EventsProps:
    """Both places."""

    home: Place
    peer: Place


class SiteEvents(Construct):
    """A bus in each region, and the rules that forward to the other one's."""

    def __init__(self, scope: Construct, construct_id: str, props: EventsProps) -> None:
        super().__init__(scope, construct_id)
        home, peer = props.home, props.peer
        self._bus(home)
        self._bus(peer)
        self._forward(home, peer)
        self._forward(peer, home)

    def _bus(self, place: Place) -> None:
        """The bus of a site; on it lie the other site's events alone, all of which are told.

        It has no policy, so nobody of another account puts anything on it; of this account, only
        who has a permission that names it.
        """
        site, region = place.site.name, place.site.region
        bus = CloudwatchEventBus(
            self,
            f"bus-{site}",
            name=place.name(_THING),
            description=f"Events of {place.peer.name}, told at {site}",
            region=region,
        )
        rule = CloudwatchEventRule(
            self,
            f"tell-{site}",
            name=place.name("events-of-peer"),
            description=f"Everything that {place.peer.name} forwards",
            event_bus_name=bus.name,
            event_pattern=json.dumps({"account": [place.settings.deployment.account_id]}),
            region=region,
        )
        CloudwatchEventTarget(
            self,
            f"tell-target-{site}",
            rule=rule.name,
            event_bus_name=bus.name,
            target_id="people",
            arn=topic_arn(place),
            region=region,
        )

    def _forward(self, place: Place, to: Place) -> None:
        site, region = place.site.name, place.site.region
        role = self._role(place, to)
        for kind, pattern in _patterns(place).items():
            rule = CloudwatchEventRule(
                self,
                f"forward-{kind}-{site}",
                name=place.name(f"forward-{kind}"),
                description=f"{kind.capitalize()} of {site}, for {to.site.name}",
                event_pattern=json.dumps(pattern),
                region=region,
            )
            CloudwatchEventTarget(
                self,
                f"forward-{kind}-target-{site}",
                rule=rule.name,
                target_id=to.site.name,
                arn=_bus_arn(to),
                role_arn=role.arn,
                retry_policy=CloudwatchEventTargetRetryPolicy(
                    maximum_event_age_in_seconds=_STALE_S, maximum_retry_attempts=_ATTEMPTS_MAX
                ),
                region=region,
            )

    def _role(self, place: Place, to: Place) -> IamRole:
        site = place.site.name
        role = IamRole(
            self,
            f"role-{site}",
            name=place.name(_THING),
            description=f"Puts events of {site} on the bus of {to.site.name}",
            assume_role_policy=trust(
                "events.amazonaws.com",
                from_account(
                    place.settings.deployment.account_id,
                    place.arn("events", f"rule/{place.name('forward-*')}"),
                ),
            ),
        )
        IamRolePolicy(
            self,
            f"role-policy-{site}",
            name="forward",
            role=role.id,
            policy=policy(
                PolicyStatement(
                    sid="Forward", actions=("events:PutEvents",), resources=(_bus_arn(to),)
                )
            ),
        )
        return role


def _patterns(place: Place) -> dict[str, dict[str, Any]]:
    """Events worth telling: by kind, the pattern on the region's default bus."""
    environment = f"-{place.site.name}-{place.settings.environment_suffix}"
    return {
        "alarms": {
            "source": ["aws.cloudwatch"],
            "detail-type": ["CloudWatch Alarm State Change"],
            "detail": {"alarmName": [{"wildcard": f"payments-*{environment}"}]},
        },
        "moves": {
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {"stateMachineArn": [state_machine_arn(place)]},
        },
    }


def _bus_arn(place: Place) -> str:
    return place.arn("events", f"event-bus/{place.name(_THING)}")
