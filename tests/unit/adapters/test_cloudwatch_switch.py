"""The takeover switch as a metric."""

from typing import Any

import pytest

from fakes.planned_client import PlannedClient, refusal
from payment_dr.adapters.cloudwatch_switch import TakeoverSwitch
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName


def published(client: PlannedClient, *, raised: bool, **options: Any) -> dict[str, Any]:
    switch = TakeoverSwitch(client, home=SiteName("east"), **options)  # type: ignore[arg-type]  # planned answers
    switch.publish(raised=raised)
    (datum,) = client.calls[-1][1]["MetricData"]
    return dict(datum)


def test_on_aws_it_has_the_resolution_that_route_53_follows() -> None:
    datum = published(PlannedClient({}), raised=True)
    assert (datum["Value"], datum["StorageResolution"]) == (1.0, 60)
    assert datum["Dimensions"] == [{"Name": "Site", "Value": "east"}]


def test_the_lab_may_have_it_finer() -> None:
    datum = published(PlannedClient({}), raised=False, resolution_s=1)
    assert (datum["Value"], datum["StorageResolution"]) == (0.0, 1)


def test_a_level_that_was_not_taken_is_told() -> None:
    with pytest.raises(UnavailableError, match="takeover switch"):
        published(PlannedClient(refusal("ThrottlingException")), raised=True)
