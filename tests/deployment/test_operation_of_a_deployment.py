"""What watches a deployment and what moves it: alarms, topics, state machines."""

import json
from typing import Any

import pytest

from deployment.found import Deployment
from payment_dr.adapters.function_call import ALIAS
from payment_dr.core.settings import SiteSettings
from payment_dr.infra.alarm_definitions import COMPOSITES, alarms
from payment_dr.recovery.state_machine import definition

pytestmark = pytest.mark.deployment


def found_alarms(deployed: Deployment, site: SiteSettings) -> tuple[dict[str, Any], dict[str, Any]]:
    """Alarms on metrics and alarms on alarms, by name."""
    pages = (
        deployed.client("cloudwatch", site.region)
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix="payments-", AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    )
    metric: dict[str, Any] = {}
    composite: dict[str, Any] = {}
    for page in pages:
        metric |= {each["AlarmName"]: each for each in page["MetricAlarms"]}
        composite |= {each["AlarmName"]: each for each in page["CompositeAlarms"]}
    return metric, composite


def test_a_sites_state_machine_is_the_one_derived_from_the_plans(
    deployed: Deployment, site: SiteSettings
) -> None:
    found = deployed.client("stepfunctions", site.region).describe_state_machine(
        stateMachineArn=deployed.of(site, "StateMachineArn")
    )
    place = deployed.place(site)
    function = place.arn("lambda", f"function:{place.name('recovery')}:{ALIAS}")
    assert json.loads(found["definition"]) == definition(deployed.settings, function_arn=function)
    assert (found["status"], found["type"]) == ("ACTIVE", "STANDARD")


def test_every_alarm_that_is_defined_exists_as_it_is_defined(
    deployed: Deployment, site: SiteSettings
) -> None:
    metric, composite = found_alarms(deployed, site)
    place = deployed.place(site)
    for alarm in alarms(place, api_id=deployed.of(site, "ApiId")):
        found = metric[place.name(alarm.name)]
        assert found["TreatMissingData"] == alarm.missing.value, alarm.name
        assert found["Threshold"] == alarm.threshold, alarm.name
    assert composite.keys() >= {place.name(each.name) for each in COMPOSITES}


def test_every_alarm_of_the_deployment_tells_somebody(
    deployed: Deployment, site: SiteSettings
) -> None:
    metric, composite = found_alarms(deployed, site)
    topic = deployed.of(site, "AlarmTopicArn")
    assert len(metric) > 5
    for name, alarm in (metric | composite).items():
        assert alarm["ActionsEnabled"], name
        assert topic in alarm["AlarmActions"], name


def test_a_sites_topic_is_encrypted(deployed: Deployment, site: SiteSettings) -> None:
    found = deployed.client("sns", site.region).get_topic_attributes(
        TopicArn=deployed.of(site, "AlarmTopicArn")
    )["Attributes"]
    assert found["KmsMasterKeyId"]


def test_people_hear_at_the_other_site_that_clients_are_led_there(deployed: Deployment) -> None:
    metric, _ = found_alarms(deployed, deployed.peer)
    found = metric[deployed.place(deployed.peer).name("takeover")]
    assert found["Dimensions"] == [{"Name": "Site", "Value": deployed.peer.name}]
    at_home, _ = found_alarms(deployed, deployed.home)
    assert deployed.place(deployed.home).name("takeover") not in at_home
