"""Moves of the global database's writer, as boto3 asks for them."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fakes.aws import EAST, WEST, CloudUnderTest, signed
from fakes.loop_thread import LoopThread
from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.aws.rds import SupervisorDatabases, WriterMove
from payment_dr.lab.aws.regions import RegionState
from payment_dr.lab.http_server import HttpServer, Request, Response


def arn(cloud: CloudUnderTest, site: str, region: str) -> str:
    return f"arn:aws:rds:{region}:000000000000:cluster:{cloud.settings.resource('cluster', site)}"


def described(cloud: CloudUnderTest, region: str) -> dict[str, Any]:
    clusters = cloud.client("rds", region).describe_global_clusters(
        GlobalClusterIdentifier=cloud.settings.resource("global")
    )
    found: dict[str, Any] = clusters["GlobalClusters"][0]
    return found


def writer(cloud: CloudUnderTest, region: str) -> str:
    members = described(cloud, region)["GlobalClusterMembers"]
    (name,) = (m["DBClusterArn"].rpartition(":")[2] for m in members if m["IsWriter"])
    return str(name).split("-")[2]


def failover(cloud: CloudUnderTest, site: str, called_in: str, **more: Any) -> Any:
    return cloud.client("rds", called_in).failover_global_cluster(
        GlobalClusterIdentifier=cloud.settings.resource("global"),
        TargetDbClusterIdentifier=arn(cloud, site, cloud.settings.site(site).region),
        **more,
    )


def switchover(cloud: CloudUnderTest, site: str, called_in: str) -> Any:
    return cloud.client("rds", called_in).switchover_global_cluster(
        GlobalClusterIdentifier=cloud.settings.resource("global"),
        TargetDbClusterIdentifier=arn(cloud, site, cloud.settings.site(site).region),
    )


@pytest.fixture(name="database")
def database_at_home(cloud: CloudUnderTest) -> CloudUnderTest:
    if writer(cloud, EAST) != "east":
        switchover(cloud, "east", EAST)
        cloud.databases.moves.clear()
    return cloud


def test_a_failover_with_data_loss_allowed_promotes_and_then_changes_the_writer(
    database: CloudUnderTest,
) -> None:
    database.change(EAST, RegionState.DOWN)
    failover(database, "west", WEST, AllowDataLoss=True)
    assert database.databases.moves == [(WriterMove.FAILOVER, "west")]
    assert writer(database, WEST) == "west"
    database.change(EAST, RegionState.UP)
    assert writer(database, EAST) == "west"


def test_a_failover_without_data_loss_allowed_is_a_switchover(database: CloudUnderTest) -> None:
    failover(database, "west", EAST)
    assert database.databases.moves == [(WriterMove.SWITCHOVER, "west")]


def test_a_switchover_there_and_back_ends_where_it_began(database: CloudUnderTest) -> None:
    switchover(database, "west", WEST)
    switchover(database, "east", WEST)
    assert database.databases.moves == [
        (WriterMove.SWITCHOVER, "west"),
        (WriterMove.SWITCHOVER, "east"),
    ]
    assert writer(database, WEST) == "east"


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (PaymentDrError("the standby is gone"), "InvalidGlobalClusterStateFault"),
        (PaymentDrError("no answer", definite=False), "InternalFailure"),
    ],
)
def test_a_promotion_that_the_database_refuses_is_an_error_and_changes_no_writer(
    database: CloudUnderTest, refusal: PaymentDrError, code: str
) -> None:
    database.databases.refusal = refusal
    with pytest.raises(ClientError, match=code):
        failover(database, "west", WEST, AllowDataLoss=True)
    assert writer(database, WEST) == "east"
    assert described(database, WEST)["Status"] == "available"


def test_the_writer_cannot_be_promoted_again(database: CloudUnderTest) -> None:
    with pytest.raises(ClientError, match="InvalidGlobalClusterStateFault"):
        failover(database, "east", EAST, AllowDataLoss=True)
    assert database.databases.moves == []


def test_data_loss_and_switchover_together_are_refused_before_anything_is_promoted(
    database: CloudUnderTest,
) -> None:
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        failover(database, "west", WEST, AllowDataLoss=True, Switchover=False)
    assert database.databases.moves == []


def test_a_move_needs_the_regions_that_take_part_in_it(database: CloudUnderTest) -> None:
    database.change(WEST, RegionState.ISOLATED)
    for called_in in (EAST, WEST):
        with pytest.raises(ClientError, match="InvalidGlobalClusterStateFault"):
            failover(database, "west", called_in, AllowDataLoss=True)
    database.change(WEST, RegionState.UP)
    database.change(EAST, RegionState.ISOLATED)
    with pytest.raises(ClientError, match="InvalidGlobalClusterStateFault"):
        switchover(database, "west", WEST)
    failover(database, "west", WEST, AllowDataLoss=True)
    assert database.databases.moves == [(WriterMove.FAILOVER, "west")]


def test_a_region_that_is_cut_off_still_believes_in_the_old_writer(
    database: CloudUnderTest,
) -> None:
    database.change(EAST, RegionState.ISOLATED)
    failover(database, "west", WEST, AllowDataLoss=True)
    assert (writer(database, EAST), writer(database, WEST)) == ("east", "west")
    database.change(EAST, RegionState.UP)
    assert writer(database, EAST) == "west"


def test_while_a_move_is_made_its_state_is_described_and_a_second_one_is_refused(
    database: CloudUnderTest,
) -> None:
    databases = database.databases
    databases.asked.clear()
    databases.go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(failover, database, "west", WEST, AllowDataLoss=True)
        assert databases.asked.wait(10)
        seen = described(database, WEST)
        with pytest.raises(ClientError, match="InvalidGlobalClusterStateFault"):
            failover(database, "west", WEST, AllowDataLoss=True)
        databases.go_on.set()
        first.result(10)
    assert seen["Status"] == "failing-over"
    assert seen["FailoverState"]["IsDataLossAllowed"] is True
    assert seen["FailoverState"]["ToDbClusterArn"] == arn(database, "west", WEST)
    after = described(database, WEST)
    assert after["Status"] == "available"


def test_clusters_have_the_ports_of_the_real_databases(database: CloudUnderTest) -> None:
    for site in database.settings.sites:
        found = database.client("rds", site.region).describe_db_clusters(
            DBClusterIdentifier=database.settings.resource("cluster", site.name)
        )["DBClusters"][0]
        assert found["Port"] == database.addresses.postgres_port[site.name]


def test_an_action_that_the_lab_does_not_offer_is_refused(database: CloudUnderTest) -> None:
    with pytest.raises(ClientError, match="InvalidAction"):
        database.client("rds", EAST).describe_db_instances()
    request = signed(EAST, "rds", "", b"")
    assert database.loop.run(database.cloud.services.call(EAST, request)).status == 400


def test_moves_reach_the_supervisors_control_port_and_bring_back_its_refusals(
    loop: LoopThread,
) -> None:
    asked: list[tuple[str, str, Any]] = []

    async def supervise(request: Request) -> Response:
        asked.append((request.method, request.path, json.loads(request.body)))
        refused = request.path.endswith("switchover")
        return Response(status=409 if refused else 200, body=b"{}")

    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    server = HttpServer(port, supervise)
    loop.open(server)
    databases = SupervisorDatabases(port, timeout_s=5)
    databases.move_writer(WriterMove.FAILOVER, "west")
    with pytest.raises(PaymentDrError, match="refused with 409"):
        databases.move_writer(WriterMove.SWITCHOVER, "east")
    assert asked == [
        ("POST", "/databases/failover", {"site": "west"}),
        ("POST", "/databases/switchover", {"site": "east"}),
    ]
    loop.call(server.refuse)
