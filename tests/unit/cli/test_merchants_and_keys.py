"""`payment-dr merchants` and `payment-dr keys` over a directory in memory."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from fakes import operating
from fakes.composed import SETTINGS, FakeWorld
from fakes.directory import FakeDirectory
from fakes.faults import Fault
from fakes.planned_client import PlannedClient
from payment_dr.cli import administration, keys, merchants
from payment_dr.cli.administration import Office, confirm, directory_of, office_of
from payment_dr.cli.target import TargetKind, Where
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.mode import Mode
from payment_dr.core.stamp import SiteName
from payment_dr.functions import composition
from payment_dr.payments.merchants import Scope, identify, key_id_of


@dataclass
class Terminal:
    """The commands, what they act on, and somebody who may be there to type."""

    directory: FakeDirectory
    monkeypatch: pytest.MonkeyPatch
    office: operating.Office

    def run(self, *arguments: str, typed: str | None = None) -> Result:
        app = typer.Typer()
        merchants.register(app)
        keys.register(app)
        self.monkeypatch.setattr(administration, "interactive", lambda: typed is not None)
        self.monkeypatch.setattr(typer, "prompt", lambda *_, **__: typed)
        return CliRunner().invoke(app, list(arguments))

    def document(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.exception
        return json.loads(result.stdout)

    def works(self, text: str) -> bool:
        key = self.directory.keys.get(key_id_of(text) or "")
        return identify(text, key, mode=Mode.TEST, now=2e9) is not None


@pytest.fixture(name="terminal")
def terminal_fixture(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    directory = FakeDirectory()
    office_desk = operating.Office()
    environments = {SiteName("east"): FakeWorld().parts("east").environment}

    def office(where: Where) -> Office:
        assert where.lab is None
        return Office(
            settings=SETTINGS,
            environments=environments,
            open=lambda _: directory,
            desk=lambda _: office_desk.desk(),
        )

    for module in (merchants, keys):
        monkeypatch.setattr(module, "office_of", office)
    return Terminal(directory=directory, monkeypatch=monkeypatch, office=office_desk)


def test_a_merchant_is_created_listed_and_disabled(terminal: Terminal) -> None:
    assert "next: payment-dr keys create acme" in terminal.run("merchants", "create", "acme").stderr
    text = terminal.run("keys", "create", "acme").stdout.strip()
    assert terminal.run("merchants", "list").stdout.split() == ["acme", "enabled", "1", "keys"]
    result = terminal.run("merchants", "disable", "acme", "--yes")
    assert "disabled acme; 1 keys are revoked" in result.stderr
    assert "disabled" in terminal.run("merchants", "list").stdout
    assert not terminal.works(text)


def test_everything_about_merchants_is_there_as_json(terminal: Terminal) -> None:
    made = terminal.document("merchants", "create", "acme")
    assert (made["merchant"], made["disabled_at"], made["keys"]) == ("acme", None, [])
    assert made["created_at"].endswith("+00:00")
    assert terminal.document("merchants", "list") == [made]
    assert terminal.document("merchants", "disable", "acme", "--yes")["disabled_at"] is not None


def test_a_key_is_shown_once(terminal: Terminal) -> None:
    terminal.run("merchants", "create", "acme")
    result = terminal.run("keys", "create", "acme")
    text = result.stdout.strip()
    assert terminal.works(text)
    assert "shown this once" in result.stderr
    assert text not in terminal.run("keys", "list", "acme").stdout
    assert text not in json.dumps(terminal.document("keys", "list", "acme"))
    assert text not in repr(terminal.directory.keys)


def test_a_key_has_the_scopes_that_were_asked_for(terminal: Terminal) -> None:
    terminal.run("merchants", "create", "acme")
    made = terminal.document(
        "keys", "create", "acme", "--scope", "payments:read", "--scope", "ledger:read"
    )
    assert made["scopes"] == ["ledger:read", "payments:read"]
    assert terminal.document("keys", "create", "acme")["scopes"] == sorted(Scope)
    assert terminal.run("keys", "create", "acme", "--scope", "everything").exit_code == 2
    lines = terminal.run("keys", "list", "acme").stdout.splitlines()
    assert lines[0].split()[2:] == ["until", "no", "end", "ledger:read", "payments:read"]


def test_a_rotation_leaves_both_keys_for_the_overlap(terminal: Terminal) -> None:
    terminal.run("merchants", "create", "acme")
    old = terminal.document("keys", "create", "acme")
    result = terminal.run("keys", "rotate", old["key_id"], "--overlap-s", "3600")
    assert terminal.works(result.stdout.strip())
    assert "works for 3600 more seconds" in result.stderr
    first, second = terminal.document("keys", "list", "acme")
    assert (first["key_id"], second["expires_at"]) == (old["key_id"], None)
    assert first["expires_at"] is not None


def test_a_rotation_without_an_overlap_is_confirmed_first(terminal: Terminal) -> None:
    terminal.run("merchants", "create", "acme")
    old = terminal.document("keys", "create", "acme")
    refused = terminal.run("keys", "rotate", old["key_id"], "--overlap-s", "0")
    assert isinstance(refused.exception, PaymentDrError)
    assert len(terminal.directory.keys) == 1
    made = terminal.document("keys", "rotate", old["key_id"], "--overlap-s", "0", "--yes")
    assert terminal.works(made["key"])
    assert not terminal.works(old["key"])


@pytest.mark.parametrize("as_json", [True, False])
def test_a_revoked_key_works_no_longer(terminal: Terminal, *, as_json: bool) -> None:
    terminal.run("merchants", "create", "acme")
    made = terminal.document("keys", "create", "acme")
    arguments = ("keys", "revoke", made["key_id"], "--yes")
    if as_json:
        assert terminal.document(*arguments)["revoked_at"] is not None
    else:
        assert f"revoked {made['key_id']} of acme" in terminal.run(*arguments).stderr
    assert not terminal.works(made["key"])
    assert terminal.document("keys", "list", "acme") == []


@pytest.mark.parametrize(
    ("typed", "words"), [(None, "nobody is there"), ("something else", "not confirmed")]
)
def test_what_cannot_be_taken_back_is_not_done_unconfirmed(
    terminal: Terminal, typed: str | None, words: str
) -> None:
    terminal.run("merchants", "create", "acme")
    made = terminal.document("keys", "create", "acme")
    for arguments in (("keys", "revoke", made["key_id"]), ("merchants", "disable", "acme")):
        result = terminal.run(*arguments, typed=typed)
        assert words in str(result.exception)
    assert terminal.works(made["key"])


def test_a_program_is_nobody_to_confirm() -> None:
    with pytest.raises(PaymentDrError, match="nobody is there"):
        confirm("acme", "it ends", yes=False)


def test_whoever_types_the_name_confirms(terminal: Terminal) -> None:
    terminal.run("merchants", "create", "acme")
    assert terminal.run("merchants", "disable", "acme", typed="acme").exit_code == 0
    assert terminal.directory.known["acme"].disabled_at is not None


def test_what_is_done_to_merchants_and_keys_stands_in_the_audit_log_without_a_secret(
    terminal: Terminal,
) -> None:
    terminal.run("merchants", "create", "acme")
    made = terminal.document("keys", "create", "acme", "--scope", "payments:read")
    turned = terminal.document("keys", "rotate", made["key_id"], "--overlap-s", "60")
    terminal.run("keys", "revoke", turned["key_id"], "--yes")
    terminal.run("merchants", "disable", "acme", "--yes")
    terminal.run("keys", "list", "acme")
    audit = terminal.office.audit
    commands = ("merchants create", "keys create", "keys rotate", "keys revoke")
    assert audit.told() == [
        (command, event)
        for command in (*commands, "merchants disable")
        for event in ("started", "finished")
    ]
    deeds = [entry.deed for _, entry in sorted(audit.kept.items())]
    assert (deeds[3].reason, deeds[3].detail) == (
        "merchant acme",
        f"key {made['key_id']} of acme for payments:read",
    )
    assert made["key"] not in repr(deeds)
    assert turned["key"] not in repr(deeds)


def test_without_the_audit_log_no_key_is_made(terminal: Terminal) -> None:
    terminal.run("merchants", "create", "acme")
    terminal.office.audit.faults = [Fault.REFUSED]
    refused = terminal.run("keys", "create", "acme")
    assert isinstance(refused.exception, UnavailableError)
    assert not terminal.directory.keys


def test_what_is_refused_is_told_as_refused(terminal: Terminal) -> None:
    terminal.run("keys", "revoke", "nothing", "--yes")
    assert terminal.office.audit.told() == [("keys revoke", "started"), ("keys revoke", "refused")]


def office_over(*sites: Callable[[], FakeDirectory]) -> Office:
    opened = iter(sites)
    environment = FakeWorld().parts("east").environment
    return Office(
        settings=SETTINGS,
        environments={SiteName(f"site-{n}"): environment for n in range(len(sites))},
        open=lambda _: next(opened)(),
    )


def gone(*, definite: bool) -> Callable[[], FakeDirectory]:
    def refuse(_effect: str, _act: object) -> None:
        raise UnavailableError("the region is lost", definite=definite)

    return lambda: FakeDirectory(refuse)  # type: ignore[arg-type]  # raises whatever it is asked


def test_where_one_site_is_lost_the_other_one_is_asked() -> None:
    directory = FakeDirectory()
    office = office_over(gone(definite=True), lambda: directory)
    office.do(lambda admin: admin.create_merchant("acme"))
    assert "acme" in directory.known


def test_where_no_site_answers_each_is_named() -> None:
    office = office_over(gone(definite=True), gone(definite=True))
    with pytest.raises(UnavailableError, match="site-0: the region is lost; site-1"):
        office.do(lambda admin: admin.create_merchant("acme"))


def test_what_may_have_taken_effect_is_not_tried_elsewhere() -> None:
    directory = FakeDirectory()
    office = office_over(gone(definite=False), lambda: directory)
    with pytest.raises(UnavailableError, match="the region is lost"):
        office.do(lambda admin: admin.create_merchant("acme"))
    assert not directory.known


def test_the_office_is_that_of_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = FakeWorld().parts("east").environment
    target = SimpleNamespace(settings=SETTINGS, environments={"east": environment})
    monkeypatch.setattr(administration, "target_of", lambda where: {"mine": target}[where.lab])
    office = office_of(Where(lab="mine"))
    assert (office.settings, office.environments) == (SETTINGS, {"east": environment})


@pytest.mark.parametrize(
    "command",
    [
        ("keys", "create", "acme"),
        ("keys", "list", "acme"),
        ("keys", "rotate", "k", "--overlap-s", "1"),
        ("keys", "revoke", "k", "--yes"),
        ("merchants", "create", "acme"),
        ("merchants", "list"),
        ("merchants", "disable", "acme", "--yes"),
    ],
    ids=" ".join,
)
def test_every_command_acts_on_the_lab_or_the_deployment_that_is_named(
    terminal: Terminal, command: tuple[str, ...]
) -> None:
    asked: list[Where] = []

    def office(where: Where) -> Office:
        asked.append(where)
        raise PaymentDrError("seen")

    for module in (merchants, keys):
        terminal.monkeypatch.setattr(module, "office_of", office)
    terminal.run(*command, "--target", "lab", "--lab", "mine")
    terminal.run(*command, "--target", "aws", "--settings", "s.toml", "--outputs", "o.json")
    told = [(one.target, one.lab, str(one.settings), str(one.outputs)) for one in asked]
    assert told == [
        (TargetKind.LAB, "mine", "payment-dr.toml", "cfn-outputs/flat-outputs.json"),
        (TargetKind.AWS, None, "s.toml", "o.json"),
    ]


def test_a_directory_is_that_of_the_environments_table(monkeypatch: pytest.MonkeyPatch) -> None:
    client = PlannedClient({})

    class Session:
        def create_client(self, service: str, **_options: Any) -> PlannedClient:
            assert service == "dynamodb"
            return client

    monkeypatch.setattr(composition, "_session", Session)
    assert directory_of(FakeWorld().parts("east").environment).merchant("acme") is None
    assert [request["TableName"] for _, request in client.calls] == ["payments-table-dev"]
