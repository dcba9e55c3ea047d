"""Operators in a running lab: whom a failover calls, the state machine by hand, evidence."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
import typer
from botocore.exceptions import BotoCoreError
from typer.testing import CliRunner, Result

from fakes.endpoints import Called, recorded
from payment_dr.adapters.settings_file import example
from payment_dr.cli import audit, evidence, move, readiness, watch
from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import FailoverSettings, Settings
from payment_dr.core.stamp import SiteName
from payment_dr.functions.environment import environment_from
from payment_dr.functions.recovery_composition import Recovery, compose_recovery
from payment_dr.lab.addresses import Addresses
from payment_dr.lab.http_call import call_json
from payment_dr.lab.supervisor import Lab

pytestmark = [pytest.mark.lab, pytest.mark.drill]

EAST, WEST = SiteName("east"), SiteName("west")
CONTROL_PLANES: Final = frozenset({"route53", "iam", "cloudfront"})


def settings_with(**failover: object) -> Settings:
    settings = example("development")
    changed = settings.failover.model_dump() | {"min_stay_s": 0, "automatic": False} | failover
    return settings.model_copy(update={"failover": FailoverSettings.model_validate(changed)})


class Operated:
    """A lab, and somebody with the command line."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def run(self, *arguments: str) -> Result:
        app = typer.Typer()
        for module in (move, watch, readiness, evidence, audit):
            module.register(app)
        where = ["--target", "lab", "--lab", str(self.lab.directory)]
        return CliRunner().invoke(app, [*arguments, *where])

    def done(self, *arguments: str) -> Result:
        end = self.run(*arguments)
        assert end.exit_code == 0, end.output
        return end

    def calls(self) -> Counter[tuple[str, str]]:
        """How often each region's endpoint was asked for each service so far, by anybody."""
        port = self.lab.addresses.aws_control_port
        counted: Counter[tuple[str, str]] = Counter()
        for call in call_json(port, "GET", "/calls", timeout_s=5):
            counted[call["region"], call["service"]] += call["count"]
        return counted

    @contextmanager
    def at(self, site: SiteName) -> Iterator[Recovery]:
        environment = environment_from(self.lab.environment(site))
        with closing(compose_recovery(environment)) as recovery:
            yield recovery


@contextmanager
def operated(settings: Settings) -> Iterator[Operated]:
    with Lab(settings) as lab:
        yield Operated(lab)


def of_east(addresses: Addresses, region: str) -> dict[tuple[str, int], str]:
    """Every address in the lab that belongs to the lost site or its region, and what is there."""
    links = {
        (link.listen_host, link.listen_port): link.name
        for link in addresses.links
        if link.name.endswith("->east")
    }
    here = {
        ("127.0.0.1", addresses.aws_port[region]): f"the APIs of {region}",
        ("127.0.0.1", addresses.postgres_port[EAST]): "the ledger of east",
    }
    return links | here


def asked_of_east(site: Operated, called: Called) -> list[str]:
    known = of_east(site.lab.addresses, site.lab.settings.site(EAST).region)
    return [known[address] for address in called.addresses if address in known]


def test_a_failover_calls_neither_the_failed_region_nor_a_control_plane() -> None:
    with operated(settings_with()) as site:
        region = site.lab.settings.site(EAST).region
        site.lab.kill_site(EAST)
        before = site.calls()
        with recorded() as called:
            site.done("failover", "--to", "west", "--yes-move-to", "west", "--reason", "drill")
        assert len(called.addresses) > 20, "the recorder sees what is called"
        assert not asked_of_east(site, called)
        grown = {place for place, count in site.calls().items() if count > before[place]}
        assert {service for _, service in grown} >= {"dynamodb", "rds", "s3"}
        assert not [service for _, service in grown if service in CONTROL_PLANES]
        assert region not in {of for of, _ in grown}

        # The same recorder finds what is planted.
        with site.at(WEST) as recovery:
            planted: tuple[Callable[[], object], ...] = (
                lambda: recovery.world.routing.healthy(EAST),
                lambda: site.lab.aws_client("dynamodb", EAST).list_tables(),
                lambda: recovery.world.ledgers.view(EAST),
            )
            for act in planted:
                with recorded() as called, suppress(UnavailableError, BotoCoreError):
                    act()
                assert asked_of_east(site, called)
        before = site.calls()
        site.lab.aws_client("route53", WEST).list_hosted_zones()
        grown = {place for place, count in site.calls().items() if count > before[place]}
        assert [service for _, service in grown if service in CONTROL_PLANES] == ["route53"]


def test_by_hand_the_state_machine_moves_there_is_watched_and_all_of_it_is_evidence(
    tmp_path: Path,
) -> None:
    with operated(settings_with(orchestrator="state-machine")) as site:
        ready = site.run("readiness", "--json")
        assert json.loads(ready.stdout)["blocking"] == []
        end = site.done("switchover", "--to", "west", "--yes-move-to", "west", "--json")
        move_id = json.loads(end.stdout)["move_id"]
        assert "the state machine of west runs it" in end.stderr
        log = json.loads(site.done("status", "--json").stdout)["run_log"]
        assert {line["by"] for line in log} == {"state-machine/west"}
        watched = site.done("watch", move_id, "--json")
        assert json.loads(watched.stdout)["outcome"] == "completed"

        site.lab.kill_site(EAST)
        copied = str(tmp_path / "copied")
        assert site.run("evidence", "fetch", copied).exit_code == 1, "east is lost"
        (report,) = json.loads(site.done("evidence", "list", "--json").stdout)
        assert (report["move_id"], report["end"]) == (move_id, "completed")
        page = next((tmp_path / "copied").rglob("*.html"))
        assert move_id in page.read_text()
        entries = json.loads(site.done("audit", "--json", "--copies").stdout)["entries"]
        assert [entry["deed"]["event"] for entry in entries] == ["started", "finished"]

    app = typer.Typer()
    evidence.register(app)
    offline = CliRunner().invoke(app, ["evidence", "verify", copied])
    assert offline.exit_code == 0, "the lab is gone"
    changed = next((tmp_path / "copied").rglob("reports/*.json"))
    changed.write_text(changed.read_text().replace(move_id, "another", 1))
    tampered = CliRunner().invoke(app, ["evidence", "verify", copied])
    assert tampered.exit_code == 1
