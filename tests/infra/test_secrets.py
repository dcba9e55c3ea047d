"""Shared secrets: in both regions, and in no plan and no state."""

from collections.abc import Iterator
from typing import Any

import pytest

from infra.synthesized import (
    StackJson,
    ephemerals,
    resources,
    statements,
    synthesize_at,
    the,
    the_name,
)
from payment_dr.core.settings import Settings
from payment_dr.infra.constructs.secret_key import SecretKey, SecretKeyProps
from payment_dr.infra.constructs.secrets import THINGS, SecretsProps, SharedSecrets
from payment_dr.infra.place import Place
from payment_dr.lab.postgres import ADMIN, APP

RANDOM = "aws_secretsmanager_random_password"
SECRET = "aws_secretsmanager_secret"


@pytest.fixture(scope="module", name="stack")
def made_stack(home: Place, peer: Place) -> StackJson:
    def build(stack: Any) -> None:
        key = SecretKey(stack, "key", SecretKeyProps(home=home, peer=peer))
        SharedSecrets(stack, "secrets", SecretsProps(home=home, peer=peer, key=key))

    return synthesize_at(home, build)


def value(stack: StackJson, thing: str, settings: Settings) -> str:
    """Expression of a secret's first value."""
    secret = the_name(stack, SECRET, name=settings.resource(thing))
    version = the(stack, f"{SECRET}_version", secret_id=f"${{{SECRET}.{secret}.id}}")
    expression: str = version["secret_string_wo"]
    return expression


def leaves(node: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string below a node with the names on the way to it."""
    match node:
        case dict():
            for key, child in node.items():
                yield from leaves(child, f"{path}.{key}")
        case list():
            for child in node:
                yield from leaves(child, path)
        case str():
            yield path, node
        case _:
            pass


def kept_in_state(stack: StackJson) -> list[str]:
    """Arguments that refer to an ephemeral value without being write-only."""
    return [
        path
        for path, text in leaves({"resource": stack["resource"], "output": stack.get("output")})
        if "ephemeral." in text and not path.endswith("_wo")
    ]


def test_only_write_only_arguments_carry_what_is_secret(stack: StackJson) -> None:
    assert kept_in_state(stack) == []
    for version in resources(stack, f"{SECRET}_version").values():
        assert "secret_string" not in version
        assert version["secret_string_wo_version"] == 1


@pytest.mark.parametrize("argument", ["secret_string", "description"])
def test_a_secret_in_the_state_would_be_found(stack: StackJson, argument: str) -> None:
    planted = {
        "resource": {SECRET: {"x": {argument: f"${{ephemeral.{RANDOM}.y.random_password}}"}}}
    }
    assert kept_in_state({**stack, **planted}) == [f".resource.{SECRET}.x.{argument}"]


@pytest.mark.parametrize("thing", THINGS)
def test_each_secret_has_a_copy_under_a_key_of_the_other_region(
    stack: StackJson, settings: Settings, peer: Place, thing: str
) -> None:
    secret = the(stack, SECRET, name=settings.resource(thing))
    key, copy = the_name(stack, "aws_kms_key"), the_name(stack, "aws_kms_replica_key")
    assert secret["kms_key_id"] == f"${{aws_kms_key.{key}.arn}}"
    assert secret["replica"] == [
        {"region": peer.site.region, "kms_key_id": f"${{aws_kms_replica_key.{copy}.arn}}"}
    ]
    assert secret["force_overwrite_replica_secret"] is False
    assert secret["recovery_window_in_days"] == 30


def test_the_secrets_are_those_that_functions_read(settings: Settings, stack: StackJson) -> None:
    assert set(THINGS) == {
        "ledger-master",
        "ledger",
        "ledger-admin",
        "provider",
        "canary",
        "webhooks",
    }
    assert {one["name"] for one in resources(stack, SECRET).values()} == {
        settings.resource(thing) for thing in THINGS
    }


@pytest.mark.parametrize(
    ("thing", "user"),
    [("ledger-master", "payment_master"), ("ledger", APP), ("ledger-admin", ADMIN)],
)
def test_each_login_has_a_password_of_its_own(
    stack: StackJson, settings: Settings, thing: str, user: str
) -> None:
    expression = value(stack, thing, settings)
    assert f'"username" = "{user}"' in expression
    drawn = [name for name in ephemerals(stack, RANDOM) if f".{name}.random_password" in expression]
    assert len(drawn) == 1
    others = "".join(value(stack, other, settings) for other in THINGS if other != thing)
    assert drawn[0] not in others


def test_the_canarys_key_is_an_api_key_drawn_by_the_engine(
    stack: StackJson, settings: Settings
) -> None:
    (drawn,) = [n for n, e in ephemerals(stack, RANDOM).items() if e["password_length"] == 43]
    reference = f"ephemeral.{RANDOM}.{drawn}.random_password"
    key_id = f"substr(sha256({reference}), 0, 16)"
    for digit, letter in zip("0189", "ghij", strict=True):
        key_id = f'replace({key_id}, "{digit}", "{letter}")'
    text = f"sk_{settings.payments.mode}_${{{key_id}}}_${{{reference}}}"
    assert value(stack, "canary", settings) == f'${{jsonencode({{"api_key" = "{text}"}})}}'


def test_the_master_key_of_webhooks_is_256_bits_in_hexadecimal(
    stack: StackJson, settings: Settings
) -> None:
    master = value(stack, "webhooks", settings)
    assert master.startswith(f'${{jsonencode({{"master" = sha256(ephemeral.{RANDOM}.')


def test_the_providers_key_is_left_to_the_operator(stack: StackJson, settings: Settings) -> None:
    assert "ephemeral." not in value(stack, "provider", settings)


def test_passwords_are_long_and_plain_in_urls_and_headers(stack: StackJson) -> None:
    for drawn in ephemerals(stack, RANDOM).values():
        assert drawn["password_length"] >= 32
        assert drawn["exclude_punctuation"] is True
        assert drawn["include_space"] is False


@pytest.mark.parametrize("thing", THINGS)
def test_nobody_outside_the_account_and_nobody_without_tls_reads_one(
    stack: StackJson, settings: Settings, thing: str
) -> None:
    secret = the_name(stack, SECRET, name=settings.resource(thing))
    body = the(stack, f"{SECRET}_policy", secret_arn=f"${{{SECRET}.{secret}.arn}}")
    assert body["block_public_policy"] is True
    stated = statements(body["policy"])
    assert {one["Effect"] for one in stated.values()} == {"Deny"}
    outside = stated["OnlyThisAccount"]["Condition"]
    assert outside["StringNotEquals"] == {"aws:PrincipalAccount": "123456789012"}
    assert stated["OnlyTls"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
