"""`payment-dr synth|diff|deploy|destroy|outputs`: what they do, say, print, and exit with."""

import json
import re
import signal
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fakes.deployment import STACKS, Environment, settings
from fakes.engine import Take, calls, change, complaint, hook, plan
from fakes.planned_client import PlannedClient, refusal
from payment_dr.adapters import account_survey
from payment_dr.adapters.settings_file import example_text
from payment_dr.cli import deploy, deploy_view, destroy, stacks, synth
from payment_dr.cli.main import build
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import Settings
from payment_dr.infra.engine import Engine, EngineName
from payment_dr.infra.package import FunctionPackage
from payment_dr.infra.synthesis import Synthesis
from payment_dr.recovery.readiness_survey import Drift

NEW = plan(change("aws_vpc.a", "create", after={}))
LOSS = plan(change("aws_kms_key.data", "delete", before={}))
PACKAGE = FunctionPackage(path=Path("/f.zip"), sha256="0a1b", size_bytes=13_200_000, files=())


class Invoked:
    """Stands in for the function that initialises the ledger."""

    def __init__(self) -> None:
        self.calls: list[Settings] = []
        self.error: PaymentDrError | None = None

    def __call__(self, given: Settings) -> object:
        self.calls.append(given)
        if self.error is not None:
            raise self.error
        return {"migrations": 3}


@pytest.fixture(name="environment")
def fixture_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Synthesized and with an engine; the command runs in an empty directory."""
    environment = Environment(tmp_path)

    def synthesize(_settings: Settings, out: Path) -> Synthesis:
        assert out == Path("cdktf.out")
        made = environment.stacks()
        counts = {stack.name: 7 for stack in made}
        return Synthesis(out=environment.out, stacks=made, resources=counts, package=PACKAGE)

    def find(wanted: EngineName | None) -> Engine:
        assert wanted in {None, EngineName.TOFU}
        return environment.engine

    work = tmp_path / "work"
    work.mkdir()
    (work / "payment-dr.toml").write_text(example_text("production"))
    monkeypatch.chdir(work)
    monkeypatch.setattr(stacks, "synthesize", synthesize)
    monkeypatch.setattr(synth, "synthesize", synthesize)
    monkeypatch.setattr(stacks, "find_engine", find)
    return environment


@pytest.fixture(name="invoked")
def fixture_invoked(monkeypatch: pytest.MonkeyPatch) -> Invoked:
    invoked = Invoked()
    monkeypatch.setattr(deploy, "initialise", invoked)
    return invoked


def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is there who can be asked; what they type is the runner's input."""
    monkeypatch.setattr(deploy, "confirmable", lambda _what: None)
    monkeypatch.setattr(deploy_view, "confirmable", lambda _what: None)


def written() -> str:
    """The file of outputs."""
    return Path("cfn-outputs/flat-outputs.json").read_text(encoding="utf-8")


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(build(arguments[0]), list(arguments), input=typed)


def test_synth_lists_stacks_and_package(environment: Environment) -> None:
    plain = run("synth")
    assert plain.exit_code == 0
    assert plain.stdout.splitlines()[0].startswith("foundation     7 resources  ")
    assert plain.stdout.splitlines()[-1] == "package     13.2 MB, sha256 0a1b"
    document = json.loads(run("synth", "--json").stdout)
    assert [stack["name"] for stack in document["stacks"]] == list(STACKS)
    assert document["package"] == {"sha256": "0a1b", "size_bytes": 13_200_000}
    assert document["out"] == str(environment.out)


def test_diff_shows_every_plan_and_changes_nothing(environment: Environment) -> None:
    changes = plan(
        *(change(f"aws_subnet.s{number}", "create", after={}) for number in range(13)),
        change("aws_lambda_function.api", "update", before={"memory_size": 1}, after={}),
        change("aws_lambda_function.b", "delete", "create", before={}, replace_paths=[["name"]]),
        change("aws_lambda_function.c", "create", "delete", before={}),
        change("aws_sns_topic.old", "delete", before={}),
        change("aws_iam_role.lost", "forget", before={}),
        change("aws_rds_cluster.a", "create", after={"global_cluster_identifier": "g"}),
    )
    environment.play("west", changes)
    result = run("diff")
    assert result.exit_code == 0
    for line in (
        "  no changes",
        "  14 to create, 1 to change, 2 to replace, 1 to destroy, 1 to forget",
        "    +     13 aws_subnet",
        "    ~   aws_lambda_function.api  memory_size",
        "    -/+ aws_lambda_function.b  because of name",
        "    -/+ aws_lambda_function.c  as it was tainted or asked for",
        "    -   aws_sns_topic.old",
        "    .   aws_iam_role.lost",
    ):
        assert line in result.stdout.splitlines()
    assert "aws_rds_cluster: 10-15 min, a secondary cluster, waits" in result.stdout
    assert "apply" not in environment.commands("west")


def test_diff_of_one_site_touches_no_other(environment: Environment) -> None:
    assert run("diff", "--site", "west").exit_code == 0
    assert environment.commands("east") == []
    assert environment.commands("west") == ["init", "plan", "show"]


def test_diff_refuses_a_plan_that_would_lose_data_unless_it_is_named(
    environment: Environment,
) -> None:
    environment.play("east", LOSS)
    refused = run("diff")
    assert refused.exit_code == 1
    assert "DANGER: east:aws_kms_key.data would be destroyed" in refused.stdout
    assert "--allow-destroy 'east:aws_kms_key.data'" in refused.stderr
    assert environment.commands("links") == ["init", "plan", "show"]
    allowed = run("diff", "--allow-destroy", "east:aws_kms_key.data")
    assert allowed.exit_code == 0


def test_diff_as_json_has_every_change_and_danger(environment: Environment) -> None:
    environment.play("east", LOSS)
    result = run("diff", "--json")
    assert result.exit_code == 1
    east = json.loads(result.stdout)["stacks"][1]
    assert east["changes"] == [
        {"address": "aws_kms_key.data", "type": "aws_kms_key", "does": "destroy"}
    ]
    assert east["dangers"][0]["address"] == "east:aws_kms_key.data"
    assert Path(east["plan"]).is_file()


def deployed(monkeypatch: pytest.MonkeyPatch, client: object) -> None:
    """The outputs are known, and every client of AWS is this one."""
    Path("cfn-outputs").mkdir()
    Path("cfn-outputs/flat-outputs.json").write_text(
        json.dumps({"EastEvidenceBucket": "e", "WestEvidenceBucket": "w"}), encoding="utf-8"
    )

    class Session:
        def client(self, service: str, **_given: object) -> object:
            assert service == "s3"
            return client

    monkeypatch.setattr("boto3.session.Session", Session)


def test_a_diff_files_for_each_site_what_readiness_then_calls_drift(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = PlannedClient({})
    deployed(monkeypatch, client)
    environment.play("west", NEW)
    assert "filed for readiness of east, west" in run("diff").stderr
    filed = {request["Bucket"]: request["Body"] for _, request in client.calls}
    for bucket, changes in (("e", 0), ("w", 1)):
        stored: Any = PlannedClient({"Body": BytesIO(filed[bucket])})
        found = account_survey.drift(stored, bucket, time.time())
        assert isinstance(found, Drift)
        assert found.changes == changes
        assert found.age_s < 60


def test_a_diff_that_cannot_be_filed_says_so_and_is_none_the_worse(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "not filed for readiness, as there is no" in run("diff").stderr
    deployed(monkeypatch, PlannedClient(refusal("AccessDenied")))
    result = run("diff")
    assert result.exit_code == 0
    assert "not filed for readiness: s3:PutObject drift.json of e" in result.stderr
    assert "filed" not in run("diff", "--site", "west").stderr
    Path("cfn-outputs/flat-outputs.json").write_text("{}", encoding="utf-8")
    assert "filed for readiness of no site: none is deployed" in run("diff").stderr
    Path("cfn-outputs/flat-outputs.json").write_text("{", encoding="utf-8")
    broken = run("diff")
    assert broken.exit_code == 0
    assert "not filed for readiness: outputs cfn-outputs/flat-outputs.json are no JSON" in (
        broken.stderr
    )
    assert "apply" not in environment.commands("east")


def test_a_plan_that_fails_ends_a_diff_with_1(environment: Environment) -> None:
    environment.play("east", plan=Take(lines=(complaint("no such argument"),), code=1))
    result = run("diff")
    assert result.exit_code == 1
    assert "error: tofu plan of east failed:\n  no such argument" in result.stderr


def test_deploy_applies_every_stack_initialises_and_writes_the_outputs(
    environment: Environment, invoked: Invoked
) -> None:
    url = json.dumps({"ApiUrl": {"value": "https://e", "sensitive": False}})
    environment.play("east", NEW, output=Take(lines=(url,)))
    result = run("deploy", "--yes", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert {one["name"]: one["changed"] for one in document["stacks"]} == {
        "foundation": False,
        "east": True,
        "west": False,
        "links": False,
    }
    assert document["outputs"] == {"EastApiUrl": "https://e"}
    assert json.loads(written()) == {"EastApiUrl": "https://e"}
    assert invoked.calls == [settings()]
    assert "environment prod, account 123456789012, engine tofu 1.11.2" in result.stderr
    assert "nothing is deployed of foundation, west, links" in result.stderr


def test_without_initialising_the_outputs_are_written_all_the_same(
    environment: Environment, invoked: Invoked
) -> None:
    assert run("deploy", "--from", "links", "--yes", "--no-initialise").exit_code == 0
    assert invoked.calls == []
    assert json.loads(written()) == {}
    assert environment.commands("links") == ["init", "plan", "show", "init", "output"]


def test_deploy_of_one_site_does_nothing_elsewhere(
    environment: Environment, invoked: Invoked
) -> None:
    environment.play("west", NEW)
    result = run("deploy", "--site", "west", "--yes")
    assert result.exit_code == 0
    assert environment.commands("east") == []
    assert invoked.calls == []
    assert not Path("cfn-outputs").exists()
    assert "deployed: west (" in result.stderr


def test_deploy_asks_before_each_stack(
    environment: Environment, invoked: Invoked, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_a_terminal(monkeypatch)
    environment.play("foundation", NEW)
    environment.play("east", NEW)
    result = run("deploy", "--no-initialise", typed="y\nn\n")
    assert result.exit_code == 1
    assert "Apply this to east?" in result.stderr
    assert "error: east was not confirmed; nothing was changed in it" in result.stderr
    assert "done before: foundation (" in result.stderr
    assert environment.commands("foundation")[-1] == "apply"
    assert invoked.calls == []


def test_deploy_without_anyone_to_ask_does_not_begin(
    environment: Environment, invoked: Invoked
) -> None:
    result = run("deploy")
    assert isinstance(result.exception, PaymentDrError)
    assert result.exception.remedy == "give --yes"
    assert environment.commands("foundation") == []
    assert invoked.calls == []


def test_a_failure_says_what_is_done_and_the_next_command(environment: Environment) -> None:
    Path("my prod.toml").write_text(example_text("production"), encoding="utf-8")
    failed = Take(lines=(complaint("no capacity", address="aws_vpc.a"),), code=1)
    environment.play("foundation", NEW)
    environment.play("west", NEW, apply=failed)
    arguments = ("--settings", "my prod.toml", "--engine", "tofu", "--allow-destroy", "west:a.b")
    result = run("deploy", "--yes", "--no-initialise", *arguments)
    assert result.exit_code == 1
    assert "error: tofu apply of west failed:\n  aws_vpc.a: no capacity" in result.stderr
    assert re.search(
        r"done before: foundation \(\d+ s\), east \(no changes\); of west: 0 of 1 changes",
        result.stderr,
    )
    assert (
        "to continue: payment-dr deploy --from west --allow-destroy west:a.b --yes "
        "--no-initialise --settings 'my prod.toml' --engine tofu"
    ) in result.stderr


def test_the_next_command_of_a_single_site_stays_with_it(environment: Environment) -> None:
    environment.play("west", init=Take(lines=(complaint("x"),), code=1))
    result = run("deploy", "--site", "west", "--yes")
    assert "done before: nothing; of west: 0 of 0 changes" in result.stderr
    assert "to continue: payment-dr deploy --site west --yes\n" in result.stderr


def test_a_deployment_goes_on_from_a_stack(environment: Environment, invoked: Invoked) -> None:
    assert run("deploy", "--from", "west", "--yes").exit_code == 0
    assert "plan" not in environment.commands("east")
    assert environment.commands("west") == ["init", "plan", "show", "init", "output"]
    assert len(invoked.calls) == 1


def test_an_interrupted_deployment_exits_with_130(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = deploy_view.Watch.hears

    def press(self: Any, event: Any) -> None:
        began(self, event)
        if type(event).__name__ == "Began":
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(deploy_view.Watch, "hears", press)
    take = Take(lines=(hook("apply_start", "aws_vpc.a"),), until_interrupted=True, code=1)
    environment.play("east", NEW, apply=take)
    result = run("deploy", "--yes")
    assert result.exit_code == 130
    assert "stopping: the engine ends what it has begun and saves its state" in result.stderr
    assert "to continue: payment-dr deploy --from east --yes" in result.stderr
    assert calls(environment.directory("east"))[-1]["interrupts"] == 1


def test_a_ledger_that_is_not_initialised_is_an_error_with_the_next_command(
    environment: Environment, invoked: Invoked
) -> None:
    invoked.error = PaymentDrError("function initialise failed: no such role")
    result = run("deploy", "--yes")
    assert result.exit_code == 1
    assert "every stack is deployed, only the ledger is not initialised" in result.stderr
    assert "to continue: payment-dr deploy --from links --yes" in result.stderr
    assert "error: function initialise failed: no such role" in result.stderr
    assert environment.commands("links")[-1] == "show"


def test_outputs_are_printed_and_written_only_when_asked(environment: Environment) -> None:
    text = json.dumps({"ApiUrl": {"value": "https://e"}, "Port": {"value": 5432}})
    environment.play("east", output=Take(lines=(text,)))
    plain = run("outputs")
    assert plain.stdout == "EastApiUrl  https://e\nEastPort    5432\n"
    assert not Path("cfn-outputs").exists()
    as_json = run("outputs", "--json", "--write", "--site", "east")
    assert json.loads(as_json.stdout) == {"EastApiUrl": "https://e", "EastPort": 5432}
    assert written() == as_json.stdout
    assert "2 outputs are in cfn-outputs/flat-outputs.json" in as_json.stderr


def test_outputs_of_nothing_are_none(environment: Environment) -> None:
    result = run("outputs")
    assert result.stdout == ""
    assert f"nothing is deployed of {', '.join(STACKS)}" in result.stderr
    assert environment.commands("links") == ["init", "output"]


def test_destroy_lists_what_holds_data_and_takes_the_suffix(environment: Environment) -> None:
    bucket = change("aws_s3_bucket.evidence", "delete", before={"force_destroy": False})
    environment.play("east", plan(bucket))
    result = run("destroy", "--yes-destroy", "prod")
    assert result.exit_code == 0
    assert "holds data: east:aws_s3_bucket.evidence: evidence of moves and drills" in result.stderr
    assert "must be empty by then: east:aws_s3_bucket.evidence" in result.stderr
    assert "nothing is left of environment prod but its state buckets" in result.stderr
    assert environment.commands("east")[-1] == "apply"


def test_destroy_with_another_suffix_destroys_nothing(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.play("east", LOSS)
    assert run("destroy", "--yes-destroy", "dev").exit_code == 1
    monkeypatch.setattr(destroy, "interactive", lambda: True)
    typed = run("destroy", typed="dev\n")
    assert typed.exit_code == 1
    assert "All of prod is destroyed. Type its name to go on" in typed.stderr
    assert "not confirmed: that was not 'prod'; nothing was destroyed" in typed.stderr
    assert "apply" not in environment.commands("east")


def test_destroy_without_anyone_to_ask_does_not_begin(environment: Environment) -> None:
    result = run("destroy")
    assert isinstance(result.exception, PaymentDrError)
    assert "--yes-destroy" in result.exception.remedy
    assert environment.commands("links") == []


def test_destroy_refuses_what_would_stop_half_way(environment: Environment) -> None:
    table = change(
        "aws_dynamodb_table.payments",
        "delete",
        before={"deletion_protection_enabled": True, "name": "payments-table-prod"},
    )
    environment.play("links", plan(table))
    result = run("destroy", "--yes-destroy", "prod")
    assert result.exit_code == 1
    assert "this would stop half-way, so nothing was destroyed" in result.stderr
    assert "--table-name payments-table-prod" in result.stderr
    assert "apply" not in environment.commands("links")


def test_a_destruction_that_fails_says_how_to_continue(environment: Environment) -> None:
    failed = Take(lines=(complaint("in use"),), code=1)
    environment.play("links", plan(change("aws_vpc.a", "delete", before={})))
    environment.play("west", plan(change("aws_vpc.a", "delete", before={})), apply=failed)
    result = run("destroy", "--yes-destroy", "prod")
    assert result.exit_code == 1
    assert "destroyed before: links; of west: 0 of 1 changes" in result.stderr
    assert "to continue: payment-dr destroy\n" in result.stderr


def test_somebody_is_there_only_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    deploy_view.confirmable("changes would be applied")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(PaymentDrError, match="nobody is there to confirm it"):
        deploy_view.confirmable("changes would be applied")
