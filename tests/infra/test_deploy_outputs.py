"""The file of outputs, expected times, and the steps before and after the stacks."""

import json
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest
from botocore.exceptions import EndpointConnectionError

from fakes.deployment import Environment, settings
from fakes.engine import change, plan
from payment_dr.adapters.settings_file import example
from payment_dr.core.errors import PaymentDrError, SettingsError
from payment_dr.core.settings import Settings
from payment_dr.infra import initialise, outputs, synthesis
from payment_dr.infra.engine_stack import Output
from payment_dr.infra.expected_times import EXPECTED, expected
from payment_dr.infra.package import FunctionPackage
from payment_dr.lint.document import PlanDocument

PACKAGE = FunctionPackage(path=Path("/f.zip"), sha256="00", size_bytes=1, files=())


def times(*changes: dict[str, Any]) -> dict[str, str]:
    document = msgspec.convert(plan(*changes), PlanDocument)
    return {address: str(one) for address, one in expected(document.resource_changes).items()}


def test_outputs_are_flat_and_sensitive_ones_stay_in_the_state() -> None:
    east = {"ApiUrl": Output(value="https://e"), "Password": Output(value="x", sensitive=True)}
    found = outputs.flat({"east": east, "far-west": {"Port": Output(value=5432)}})
    assert found == {"EastApiUrl": "https://e", "FarWestPort": 5432}


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "cfn-outputs" / "flat-outputs.json"
    outputs.write({"A": 1}, target)
    outputs.write({"B": 2}, target)
    assert json.loads(target.read_text()) == {"B": 2}
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "flat-outputs.json"
    target.mkdir()
    with pytest.raises(OSError, match="directory"):
        outputs.write({"A": 1}, target)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_slow_resources_are_told_with_their_usual_time() -> None:
    found = times(
        change("aws_vpc.a", "create", after={}),
        change("aws_rds_cluster.home", "create", after={"master_username": "ledger_master"}),
        change("aws_rds_cluster.standby", "create", after={"global_cluster_identifier": "g"}),
        change("aws_db_proxy.a", "delete", "create", before={}, after={}),
        change("aws_nat_gateway.a", "no-op", before={}, after={}),
    )
    assert list(found) == ["aws_rds_cluster.standby", "aws_db_proxy.a", "aws_rds_cluster.home"]
    assert found["aws_rds_cluster.standby"] == (
        "10-15 min, a secondary cluster, waits for the primary; this is normal"
    )


def test_every_usual_time_has_a_range_and_a_source() -> None:
    for one in EXPECTED.values():
        assert 0 < one.minutes[0] < one.minutes[1]
        assert one.source.startswith(("https://docs.aws.amazon.com/", "https://github.com/"))


class Bindings:
    """Stands in for the synthesis of all stacks, which takes seconds."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.asked: list[tuple[Settings, Path, FunctionPackage]] = []

    def synthesize(self, given: Settings, out: Path, package: FunctionPackage) -> None:
        self.asked.append((given, out, package))


def test_a_synthesis_builds_the_package_and_counts_resources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = Environment(tmp_path)
    bindings = Bindings(environment)
    monkeypatch.setattr(synthesis, "import_module", lambda _name: bindings)
    monkeypatch.setattr(synthesis, "build", lambda _target: PACKAGE)
    zone = {"zone": "acme-pay.com", "name": "api.acme-pay.com", "ttl_s": 10}
    given = Settings.model_validate({**settings().model_dump(), "dns": zone})
    made = synthesis.synthesize(given, environment.out)
    assert bindings.asked == [(given, environment.out, PACKAGE)]
    assert [stack.name for stack in made.stacks] == ["foundation", "east", "west", "links"]
    assert made.resources["east"] == 1
    assert synthesis.write_stacks(settings(), environment.out).package is PACKAGE


def test_settings_that_aws_cannot_have_fail_with_every_reason(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        synthesis.synthesize(example("development"), tmp_path / "out")
    assert "account_id" in raised.value.what
    assert "Route 53 probes every 10 or 30 s" in raised.value.what
    assert not (tmp_path / "out").exists()


class Rds:
    """A region's RDS: who writes by its account, or nothing when it is away."""

    def __init__(self, writer: str | None) -> None:
        self.writer = writer

    def describe_global_clusters(self, **_: str) -> dict[str, Any]:
        if self.writer is None:
            raise EndpointConnectionError(endpoint_url="https://rds")
        members = [
            {"DBClusterArn": f"arn:aws:rds:{region}:1:cluster:c", "IsWriter": region == self.writer}
            for region in ("us-east-1", "us-west-2")
        ]
        return {"GlobalClusters": [{"GlobalClusterMembers": members}]}


class Session:
    """Clients by region; remembers those of functions."""

    def __init__(self, writer: str, *, away: str = "") -> None:
        self.writer = writer
        self.away = away
        self.called: list[tuple[str, float]] = []

    def client(self, service: str, *, region_name: str, config: Any) -> Any:
        if service == "rds":
            return Rds(None if region_name in self.away else self.writer)
        self.called.append((region_name, config.read_timeout))
        return "client"


@pytest.mark.parametrize(
    ("session", "region", "name"),
    [
        (Session("us-east-1"), "us-east-1", "payments-initialise-east-prod"),
        (Session("us-west-2"), "us-west-2", "payments-initialise-west-prod"),
        (Session("us-west-2", away="us-east-1"), "us-west-2", "payments-initialise-west-prod"),
    ],
    ids=["at home", "after a move", "after a move that home did not survive"],
)
def test_the_ledger_is_initialised_where_it_is_the_writer(
    monkeypatch: pytest.MonkeyPatch, session: Session, region: str, name: str
) -> None:
    monkeypatch.setattr(boto3.session, "Session", lambda: session)
    monkeypatch.setattr(initialise, "call", lambda *arguments: arguments)
    assert initialise.initialise(settings()) == ("client", name, {})
    assert session.called == [(region, 320.0)]


@pytest.mark.parametrize(
    ("session", "said"),
    [
        (Session("eu-west-1"), "no site's cluster is the writer of the global cluster\n"),
        (Session("us-east-1", away="us-east-1 us-west-2"), "the global cluster: describing"),
    ],
)
def test_without_a_writer_nothing_is_initialised(
    monkeypatch: pytest.MonkeyPatch, session: Session, said: str
) -> None:
    monkeypatch.setattr(boto3.session, "Session", lambda: session)
    with pytest.raises(PaymentDrError, match=said):
        initialise.initialise(settings())
    assert session.called == []


def test_an_error_of_the_function_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise PaymentDrError("it failed")

    monkeypatch.setattr(boto3.session, "Session", lambda: Session("us-east-1"))
    monkeypatch.setattr(initialise, "call", fail)
    with pytest.raises(PaymentDrError, match="it failed"):
        initialise.initialise(settings())
