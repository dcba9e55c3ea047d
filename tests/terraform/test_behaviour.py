"""What the stand-in plans, applies, reads and invents, as Terraform's core would ask it."""

import string
from typing import Any

import pytest

from payment_dr.lab.aws_provider.behaviour.forced import REPLACES
from payment_dr.lab.aws_provider.behaviour.planning import RECOMPUTED
from payment_dr.lab.aws_provider.behaviour.settings import ProviderSettings, settings_of
from payment_dr.lab.aws_provider.schema.answer import Schemas
from payment_dr.lab.aws_provider.schema.model import (
    Attribute,
    Block,
    Family,
    NestedBlock,
    Nesting,
    Primitive,
    terraform_type,
)
from payment_dr.lab.aws_provider.wire.messages import CODEC
from payment_dr.lab.aws_provider.wire.values import (
    UNKNOWN,
    decoded,
    empty,
    has_unknown,
    is_unknown,
    mapped,
)
from terraform.driver import ACCOUNT, DiagnosedError, Driver, names_in


@pytest.fixture(scope="module", name="driver")
def configured(schemas: Schemas) -> Driver:
    return Driver(schemas, default_tags=[{"tags": {"Project": "payments"}}])


def test_what_only_aws_knows_is_unknown_until_it_is_applied(driver: Driver) -> None:
    planned = driver.plan("aws_sns_topic", {"name": "alarms"}).state
    assert is_unknown(planned["arn"])
    assert planned["name"] == "alarms"
    assert planned["region"] == "us-east-1"
    state = driver.apply("aws_sns_topic", {"name": "alarms"})
    assert state["arn"].startswith(f"arn:aws:sns:us-east-1:{ACCOUNT}:")
    assert state["owner"].startswith("owner-")
    assert not has_unknown(state)
    assert driver.plan("aws_sns_topic", {"name": "alarms"}, state).state == state


def test_two_resources_with_the_same_arguments_are_not_the_same(driver: Driver) -> None:
    one, other = (driver.apply("aws_nat_gateway", {"subnet_id": "s"}) for _ in range(2))
    assert one["id"] != other["id"]
    assert one["id"].startswith("nat-gateway-")


def test_tags_that_are_not_known_yet_are_known_after_apply(driver: Driver) -> None:
    planned = driver.plan("aws_vpc", {"tags": {"Peer": UNKNOWN}}).state
    assert is_unknown(planned["tags_all"])
    answer = driver.call(
        "ApplyResourceChange",
        type_name="aws_vpc",
        planned_state=planned | {"tags": {"Peer": "vpc-2"}},
        config=driver.written("aws_vpc", {"tags": {"Peer": "vpc-2"}}),
    )
    state = driver.read("aws_vpc", _decoded(answer["new_state"]))
    assert state is not None
    assert state["tags_all"] == {"Project": "payments", "Peer": "vpc-2"}


def _decoded(message: Any) -> Any:
    return decoded(message)


def test_what_may_be_written_and_is_not_is_empty_not_invented(driver: Driver) -> None:
    group = driver.apply("aws_security_group", {"name": "functions"})
    assert group["ingress"] == []
    assert driver.apply("aws_vpc_endpoint", {"vpc_id": "v"})["route_table_ids"] == []
    check = driver.apply("aws_route53_health_check", {"type": "HTTPS"})
    assert check["triggers"] == {}


def test_computed_objects_and_lists_have_content_of_the_right_type(driver: Driver) -> None:
    table = driver.apply("aws_rds_global_cluster", {"global_cluster_identifier": "g"})
    (member,) = table["global_cluster_members"]
    assert member["is_writer"] is False
    assert f":{ACCOUNT}:db_cluster_arn/" in member["db_cluster_arn"]
    assert len(driver.look_up("aws_route_tables")["ids"]) == 3
    assert driver.apply("aws_vpc", {})["enable_network_address_usage_metrics"] is False


def test_a_map_that_only_aws_fills_is_empty(schemas: Schemas) -> None:
    name, member = next(
        (name, each.name)
        for name in sorted(schemas.names(Family.DATA))
        for each in schemas.block(Family.DATA, name).attributes
        if terraform_type(each.type) == ["map", "string"] and not each.optional
    )
    assert Driver(schemas).look_up(name)[member] == {}


@pytest.mark.parametrize("others", [[], ["east.pay.example", "pay.example"]])
def test_a_certificate_is_proved_by_one_record_for_each_of_its_names(
    driver: Driver, others: list[str]
) -> None:
    names = {"domain_name": "pay.example", "subject_alternative_names": others or None}
    proofs = driver.apply("aws_acm_certificate", names)["domain_validation_options"]
    assert {each["domain_name"] for each in proofs} == {"pay.example", *others}
    assert len({each["resource_record_name"] for each in proofs}) == len(proofs)
    for each in proofs:
        assert each["resource_record_name"].endswith(f".{each['domain_name']}.")
        assert each["resource_record_type"] == "CNAME"


def test_parts_of_any_type_are_invented_as_texts_that_say_so(schemas: Schemas) -> None:
    open_name = next(
        name
        for name in sorted(schemas.names(Family.DATA))
        if any(
            each.type is Primitive.DYNAMIC and each.computed
            for each in schemas.block(Family.DATA, name).attributes
        )
    )
    block = schemas.block(Family.DATA, open_name)
    member = next(each.name for each in block.attributes if each.type is Primitive.DYNAMIC)
    kind, value = Driver(schemas).look_up(open_name)[member]
    assert kind == b'"string"'
    assert value.startswith(f"{member}-")


def test_a_block_that_is_new_in_a_resource_gets_values_the_others_keep_theirs(
    driver: Driver,
) -> None:
    arguments: dict[str, Any] = {
        "name": "payments",
        "hash_key": "id",
        "attribute": [{"name": "id", "type": "S"}],
    }
    before = driver.apply("aws_dynamodb_table", arguments)
    changed = arguments | {"replica": [{"region_name": "us-west-2"}]}
    plan = driver.plan("aws_dynamodb_table", changed, before)
    (replica,) = plan.state["replica"]
    assert is_unknown(replica["arn"])
    assert plan.state["arn"] == before["arn"]
    assert plan.replaced_for == []


def test_a_change_that_needs_a_new_resource_names_the_argument(driver: Driver) -> None:
    before = driver.apply("aws_subnet", {"vpc_id": "v", "cidr_block": "10.0.0.0/24"})
    plan = driver.plan("aws_subnet", {"vpc_id": "w", "cidr_block": "10.0.0.0/24"}, before)
    assert plan.replaced_for == ["vpc_id"]
    moved = {"vpc_id": "v", "cidr_block": "10.0.0.0/24", "region": "us-west-2"}
    assert driver.plan("aws_subnet", moved, before).replaced_for == ["region"]


def test_tables_of_the_stand_in_name_only_what_the_provider_has(schemas: Schemas) -> None:
    for type_name, names in [
        *REPLACES.items(),
        *((name, frozenset(table)) for name, table in RECOMPUTED.items()),
    ]:
        block = schemas.block(Family.RESOURCE, type_name)
        assert names - names_in(block) == set(), type_name


def test_a_value_that_only_aws_decides_is_refused(driver: Driver) -> None:
    config = driver.written("aws_sns_topic", {"arn": "arn:mine", "name": "n"})
    with pytest.raises(DiagnosedError, match='"arn" is decided by AWS'):
        driver.call("ValidateResourceTypeConfig", type_name="aws_sns_topic", config=config)
    right = driver.written("aws_sns_topic", {"name": "n"})
    driver.call("ValidateResourceTypeConfig", type_name="aws_sns_topic", config=right)


def test_the_same_question_has_the_same_answer_and_another_one_another(schemas: Schemas) -> None:
    one, other = Driver(schemas), Driver(schemas)
    question: dict[str, Any] = {"filter": [{"name": "tag:Name", "values": ["east"]}]}
    assert one.look_up("aws_vpcs", **question) == other.look_up("aws_vpcs", **question)
    west = other.look_up("aws_vpcs", region="us-west-2", **question)
    assert west["ids"] != one.look_up("aws_vpcs", **question)["ids"]


@pytest.mark.parametrize(
    ("type_name", "arguments", "expected"),
    [
        ("aws_caller_identity", {}, {"account_id": ACCOUNT, "id": ACCOUNT}),
        ("aws_region", {}, {"name": "us-east-1", "region": "us-east-1"}),
        ("aws_region", {"region": "us-west-2"}, {"name": "us-west-2"}),
        ("aws_partition", {}, {"partition": "aws", "dns_suffix": "amazonaws.com"}),
        (
            "aws_availability_zones",
            {"region": "us-west-2"},
            {"names": ["us-west-2a", "us-west-2b", "us-west-2c"]},
        ),
        ("aws_acm_certificate", {"domain": "pay.example"}, {"status": "ISSUED"}),
        ("aws_route53_zone", {"zone_id": "Z1"}, {"zone_id": "Z1", "name": "invented.example"}),
    ],
)
def test_what_stacks_look_up_is_sensible(
    driver: Driver, type_name: str, arguments: dict[str, Any], expected: dict[str, Any]
) -> None:
    answer = driver.look_up(type_name, **arguments)
    assert {name: answer[name] for name in expected} == expected


def test_a_zone_has_four_servers_and_an_identifier_of_its_own(driver: Driver) -> None:
    zone = driver.look_up("aws_route53_zone", name="pay.example")
    assert len(zone["name_servers"]) == 4
    assert zone["zone_id"].startswith("Z")
    other = driver.look_up("aws_route53_zone", name="other.example")
    assert other["zone_id"] != zone["zone_id"]


def test_a_random_password_is_random_and_made_of_what_is_asked_for(driver: Driver) -> None:
    def password(**arguments: Any) -> str:
        opened = driver.open("aws_secretsmanager_random_password", **arguments)
        return str(opened["random_password"])

    assert len(password()) == 32
    assert password() != password()
    letters = set(string.ascii_letters) - set("abc")
    text = password(
        password_length=400,
        exclude_numbers=True,
        exclude_punctuation=True,
        exclude_characters="abc",
        include_space=True,
    )
    assert set(text) <= letters | {" "}
    assert len(text) == 400


def test_other_ephemeral_values_are_invented(driver: Driver) -> None:
    secret = driver.open("aws_secretsmanager_secret_version", secret_id="s")
    assert '"password": "invented"' in secret["secret_string"]
    assert driver.open("aws_ssm_parameter", arn="a")["value"].startswith("value-")


def test_the_state_is_given_back_as_it_was_kept(driver: Driver) -> None:
    method = driver.methods["UpgradeResourceState"]
    raw = {"raw_state": {"json": b'{"id": "x"}'}}
    answer = CODEC.decode(method.response, method(CODEC.encode(method.request, raw)))
    assert answer["upgraded_state"]["json"] == b'{"id": "x"}'


def test_calls_without_an_object_have_one_without_content(driver: Driver) -> None:
    assert driver.call("ReadResource", type_name="aws_vpc")["new_state"] == {
        "msgpack": b"\xc0",
        "json": b"",
    }
    assert driver.call("PlanResourceChange", type_name="aws_vpc")["planned_state"]["msgpack"]
    assert driver.call("ApplyResourceChange", type_name="aws_vpc")["new_state"]["msgpack"]
    assert driver.call("Stop") == {}
    assert driver.call("PrepareProviderConfig", config={"region": "x"})["prepared_config"]
    assert driver.methods["GetSchema"](b"") == driver.schemas.answer


def test_a_global_type_is_imported_without_a_region(driver: Driver) -> None:
    method = driver.methods["ImportResourceState"]
    request = CODEC.encode(method.request, {"type_name": "aws_iam_role", "id": "r"})
    (resource,) = CODEC.decode(method.response, method(request))["imported_resources"]
    state = _decoded(resource["state"])
    assert state["id"] == "r"
    assert "region" not in state


def test_settings_that_are_absent_or_unknown_have_a_default() -> None:
    assert settings_of({}) == ProviderSettings()
    unknown: dict[str, Any] = {
        "region": UNKNOWN,
        "allowed_account_ids": UNKNOWN,
        "default_tags": [{"tags": UNKNOWN}],
    }
    assert settings_of(unknown) == ProviderSettings()


_BLOCK = Block(
    attributes=(),
    blocks=(
        NestedBlock(
            name="by_name",
            nesting=Nesting.MAP,
            block=Block(attributes=(Attribute(name="a", type=Primitive.STRING),), blocks=()),
        ),
        NestedBlock(
            name="many",
            nesting=Nesting.LIST,
            block=Block(attributes=(Attribute(name="a", type=Primitive.STRING),), blocks=()),
        ),
        NestedBlock(name="once", nesting=Nesting.SINGLE, block=Block(attributes=(), blocks=())),
    ),
)


def test_every_nesting_of_blocks_is_walked_and_what_is_unknown_stays() -> None:
    value = {"by_name": {"k": {"a": "x"}}, "many": [UNKNOWN, {"a": "y"}], "once": {}}
    seen = mapped(_BLOCK, value, lambda _, text: f"{text}!")
    assert seen == {"by_name": {"k": {"a": "x!"}}, "many": [UNKNOWN, {"a": "y!"}], "once": {}}
    assert mapped(_BLOCK, {"many": UNKNOWN}, lambda _, text: text)["many"] == UNKNOWN
    assert empty(_BLOCK) == {"by_name": None, "many": [], "once": None}
    assert has_unknown(value)
    assert not has_unknown({"a": ["b", {"c": None}]})
