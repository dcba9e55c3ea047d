"""After a failover the stacks are planned again, and nothing is detached, replaced or destroyed.

What a move changes, it changes outside the engine: a plan that would set it back would take the
ledger from the site that has just taken over.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from fakes.aws import WEST, CloudUnderTest
from fakes.loop_thread import LoopThread
from payment_dr.infra import plan_guard
from payment_dr.infra.engine_run import EngineError
from payment_dr.infra.engine_stack import EngineStack, PlanResult
from payment_dr.infra.local import CONFIGURATION
from payment_dr.lab.aws_provider.behaviour.cloud import Asked
from payment_dr.lab.aws_provider.behaviour.settings import ProviderSettings
from payment_dr.lab.aws_provider.emulated.emulator import Emulator, emulator_at
from policy.planned import Stacks, planned

CLUSTER: Final = "aws_rds_cluster"
GLOBAL: Final = "aws_rds_global_cluster"
INSTANCE: Final = "aws_rds_cluster_instance"
SITES: Final = ("east", "west")
"""The other stacks hold nothing that a failover changes."""
MEMBERSHIP: Final = ("global_cluster_identifier", "replication_source_identifier")

Refreshed = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Attributes that a refresh finds, by stack and type of resource."""


@pytest.fixture(scope="session", name="stacks")
def _stacks(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    return planned(tmp_path_factory)


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A lab's databases, and how they are called in the stacks' states."""

    cloud: CloudUnderTest
    stacks: Stacks

    def fail_over(self) -> None:
        settings = self.cloud.settings
        client = self.cloud.client("rds", WEST)
        name = settings.resource("global")
        members = client.describe_global_clusters(GlobalClusterIdentifier=name)
        arns = [one["DBClusterArn"] for one in members["GlobalClusters"][0]["GlobalClusterMembers"]]
        client.failover_global_cluster(
            GlobalClusterIdentifier=name,
            TargetDbClusterIdentifier=next(arn for arn in arns if WEST in arn),
            AllowDataLoss=True,
        )

    def refreshed(self) -> Refreshed:
        """What the stand-in reads of them, in the names of the states."""
        settings = self.cloud.settings
        ports = self.cloud.addresses.aws_port
        emulator = emulator_at({region: f"http://127.0.0.1:{ports[region]}" for region in ports})
        names = {settings.resource("global"): self.stacks.settings.resource("global")}
        read = {
            site.name: _read(
                emulator, CLUSTER, settings.resource("cluster", site.name), site.region
            )
            for site in settings.sites
        }
        for site, found in read.items():
            names[found["arn"]] = attributes(self.stacks, site, CLUSTER)["arn"]
        home = settings.site(settings.home)
        members = _read(emulator, GLOBAL, settings.resource("global"), home.region)
        found = {
            site: {CLUSTER: {name: names.get(found[name]) for name in MEMBERSHIP}}
            for site, found in read.items()
        }
        found[home.name][GLOBAL] = {
            "global_cluster_members": [
                {**one, "db_cluster_arn": names[one["db_cluster_arn"]]}
                for one in members["global_cluster_members"]
            ]
        }
        return found


def _read(emulator: Emulator, kind: str, name: str, region: str) -> Mapping[str, Any]:
    found = emulator.read(
        Asked(type_name=kind, state={"id": name}, settings=ProviderSettings(region=region))
    )
    assert found is not None
    return found


@pytest.fixture(scope="module", name="after_failover")
def _after_failover(stacks: Stacks) -> Iterator[Refreshed]:
    """What is found after a failover to west in the lab."""
    with LoopThread() as loop:
        cloud = CloudUnderTest(loop, majority_delay_ms=0)
        lab = Lab(cloud=cloud, stacks=stacks)
        before = lab.refreshed()
        lab.fail_over()
        after = lab.refreshed()
        assert before != after
        yield after
        cloud.close()


def attributes(stacks: Stacks, name: str, kind: str) -> Mapping[str, Any]:
    """Of the one resource of a type after everything was deployed."""
    resources = stacks.settled[name].resources
    found: list[Mapping[str, Any]] = [one["values"] for one in resources if one["type"] == kind]
    assert len(found) == 1
    return found[0]


def planned_after(
    stacks: Stacks, name: str, target: Path, refreshed: Refreshed, *, unguarded: str = ""
) -> PlanResult:
    """A plan of a stack whose state says what a refresh has found; `unguarded` see there."""
    stack = stacks.applied(name, target)
    file = target / f"{name}.tfstate"
    state = json.loads(file.read_text())
    for resource in state["resources"]:
        found = refreshed.get(name, {}).get(resource["type"], {})
        resource["instances"][0]["attributes"].update(found)
    state["serial"] += 1
    file.write_text(json.dumps(state))
    if unguarded:
        _without(stack, unguarded)
    return stack.plan()


def _without(stack: EngineStack, *guards: str) -> None:
    """Take guards, e.g. `ignore_changes`, out of the configuration of the cluster."""
    file = stack.directory / CONFIGURATION
    configuration = json.loads(file.read_text())
    for cluster in configuration["resource"][CLUSTER].values():
        for guard in guards:
            del cluster["lifecycle"][guard]
    file.write_text(json.dumps(configuration))


def test_in_the_lab_a_failover_exchanges_who_follows(
    stacks: Stacks, after_failover: Refreshed
) -> None:
    arns = {site: attributes(stacks, site, CLUSTER)["arn"] for site in stacks.sites}
    shared = stacks.settings.resource("global")
    assert after_failover == {
        "east": {
            CLUSTER: dict(zip(MEMBERSHIP, (shared, arns["west"]), strict=True)),
            GLOBAL: {
                "global_cluster_members": [
                    {"db_cluster_arn": arns["east"], "is_writer": False},
                    {"db_cluster_arn": arns["west"], "is_writer": True},
                ]
            },
        },
        "west": {CLUSTER: dict(zip(MEMBERSHIP, (shared, None), strict=True))},
    }


@pytest.mark.parametrize("name", SITES)
def test_after_a_failover_nothing_is_to_be_done(
    stacks: Stacks, after_failover: Refreshed, name: str, tmp_path: Path
) -> None:
    plan = planned_after(stacks, name, tmp_path, after_failover)
    assert plan.empty
    assert plan_guard.find(plan.document) == ()


REBUILT: Final = {
    "cluster_resource_id": "cluster-REBUILT",
    "endpoint": "rebuilt.cluster.example",
    "reader_endpoint": "rebuilt.cluster-ro.example",
    "hosted_zone_id": "ZREBUILT",
    "engine_version": "16.9",
    "engine_version_actual": "16.9",
    "master_password_wo_version": None,
}
"""What is new in a cluster that had to be made again, under its old name, to follow the other."""


def test_a_cluster_that_was_made_again_stays(
    stacks: Stacks, after_failover: Refreshed, tmp_path: Path
) -> None:
    found = {"east": {CLUSTER: {**after_failover["east"][CLUSTER], **REBUILT}}}
    plan = planned_after(stacks, "east", tmp_path, found)
    assert plan_guard.find(plan.document) == ()
    done = {tuple(one.change.actions) for one in plan.changes}
    # Functions are told the new addresses; that needs nothing to be made anew.
    assert done <= {("update",)}


FIRST_MEMBER: Final = ("database_name", "master_username", "master_password_wo")
"""With the version of the last one, what `home_follows` does not write."""


def test_a_lost_cluster_of_home_is_made_anew_as_a_follower_and_nothing_is_destroyed(
    stacks: Stacks, tmp_path: Path
) -> None:
    """What a refresh finds when cluster and instances are gone."""
    stack = stacks.applied("east", tmp_path)
    file = tmp_path / "east.tfstate"
    state = json.loads(file.read_text())
    lost = [one for one in state["resources"] if one["type"] in {CLUSTER, INSTANCE}]
    state["resources"] = [one for one in state["resources"] if one not in lost]
    state["serial"] += 1
    file.write_text(json.dumps(state))
    configuration = json.loads((stack.directory / CONFIGURATION).read_text())
    for cluster in configuration["resource"][CLUSTER].values():
        for name in (*FIRST_MEMBER, "master_password_wo_version"):
            del cluster[name]
    (stack.directory / CONFIGURATION).write_text(json.dumps(configuration))
    plan = stack.plan()
    assert plan_guard.find(plan.document) == ()
    made = [one.type for one in plan.changes if "create" in one.change.actions]
    assert sorted(set(made) & {CLUSTER, INSTANCE, GLOBAL}) == [CLUSTER, INSTANCE]
    assert len(made) >= len(lost)


APART: Final[Mapping[str, Mapping[str, Any]]] = {
    "detached": {"global_cluster_identifier": None, "replication_source_identifier": None},
    "in a new global cluster": {
        "global_cluster_identifier": "payments-global-2-prod",
        "replication_source_identifier": None,
    },
}


@pytest.mark.parametrize("state", APART)
def test_a_cluster_that_was_taken_out_by_hand_is_left_where_it_is(
    stacks: Stacks, state: str, tmp_path: Path
) -> None:
    assert planned_after(stacks, "west", tmp_path, {"west": {CLUSTER: APART[state]}}).empty


def test_without_ignored_changes_the_old_writer_would_be_detached(
    stacks: Stacks, after_failover: Refreshed, tmp_path: Path
) -> None:
    """The fault that the tests above would show, and what `deploy` and `diff` say to it."""
    plan = planned_after(stacks, "east", tmp_path, after_failover, unguarded="ignore_changes")
    dangers = plan_guard.find(plan.document)
    assert [one.does for one in dangers] == [
        "would stop replicating (replication_source_identifier)"
    ]
    assert plan_guard.refused(dangers, [])
    assert plan_guard.refused(dangers, ["aws_rds_cluster.another"]) == dangers
    assert not plan_guard.refused(dangers, [dangers[0].address])


def test_without_ignored_changes_a_cluster_would_be_torn_from_its_new_group(
    stacks: Stacks, tmp_path: Path
) -> None:
    found = {"west": {CLUSTER: APART["in a new global cluster"]}}
    plan = planned_after(stacks, "west", tmp_path, found, unguarded="ignore_changes")
    dangers = plan_guard.find(plan.document)
    assert ["detached" in one.does for one in dangers] == [True]


def test_a_replacement_is_refused_by_the_engine_and_without_its_guard_by_ours(
    stacks: Stacks, tmp_path: Path
) -> None:
    renamed = {"cluster_identifier": "payments-cluster-west-old"}
    found = {"west": {CLUSTER: renamed, INSTANCE: renamed}}
    with pytest.raises(EngineError, match="prevent_destroy"):
        planned_after(stacks, "west", tmp_path / "guarded", found)
    plan = planned_after(stacks, "west", tmp_path / "not", found, unguarded="prevent_destroy")
    dangers = plan_guard.find(plan.document)
    # The cluster, and with it all of its instances: each is to be named.
    assert [one.address.partition(".")[0] for one in dangers] == [CLUSTER, INSTANCE, INSTANCE]
    addresses = [one.address for one in dangers]
    assert not plan_guard.refused(dangers, addresses)
    for address in addresses:
        others = {one for one in addresses if one != address}
        assert [one.address for one in plan_guard.refused(dangers, others)] == [address]
