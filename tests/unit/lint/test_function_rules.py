"""PDR4xx beyond the examples: ways out of subnets, twins, packages."""

from typing import Any

import pytest

from fakes.linting import VPCS, judged, reasons, texts, west
from fakes.terraform_plan import plan
from payment_dr.lint.facts.sites import common_name

Item = tuple[str, str, dict[str, Any]]


def function(name: str = "f", **arguments: Any) -> Item:
    return "aws_lambda_function", name, {"role": "${aws_iam_role.r.arn}", **arguments}


def policy(action: str) -> Item:
    text = f'{{"Statement":[{{"Effect":"Allow","Action":["{action}"],"Resource":"x"}}]}}'
    return "aws_iam_role_policy", "p", {"role": "${aws_iam_role.r.id}", "policy": text}


ROLE: Item = ("aws_iam_role", "r", {"name": "r"})
INSIDE: dict[str, Any] = {
    "vpc_config": [{"subnet_ids": ["${aws_subnet.s.id}"], "security_group_ids": ["sg"]}]
}
NETWORK: list[Item] = [
    ("aws_vpc", "v", {"cidr_block": "10.0.0.0/16"}),
    ("aws_subnet", "s", {"vpc_id": "${aws_vpc.v.id}"}),
    ("aws_route_table", "t", {"vpc_id": "${aws_vpc.v.id}"}),
]
ASSOCIATION: Item = (
    "aws_route_table_association",
    "a",
    {"subnet_id": "${aws_subnet.s.id}", "route_table_id": "${aws_route_table.t.id}"},
)
NAT = {"nat_gateway_id": "${aws_nat_gateway.n.id}"}


def route(**arguments: Any) -> Item:
    return "aws_route", "r", {"route_table_id": "${aws_route_table.t.id}", **arguments}


def endpoint(service: str, **arguments: Any) -> Item:
    name = f"com.amazonaws.us-east-1.{service}"
    return (
        "aws_vpc_endpoint",
        service,
        {"vpc_id": "${aws_vpc.v.id}", "service_name": name, **arguments},
    )


def lost(*resources: Item, action: str = "kms:Decrypt") -> list[str]:
    """Services that the function calls in vain."""
    result = judged("PDR401", *NETWORK, ROLE, policy(action), function(**INSIDE), *resources)
    assert reasons(result) == []
    return [text.split(" calls ")[1].split(" from ")[0] for text in texts(result)]


def test_without_a_route_or_endpoint_a_call_is_lost() -> None:
    assert lost(ASSOCIATION) == ["kms"]
    assert lost() == ["kms"]


@pytest.mark.parametrize(
    "way",
    [
        route(destination_cidr_block="0.0.0.0/0", **NAT),
        route(destination_ipv6_cidr_block="::/0", **NAT),
    ],
)
def test_a_default_route_to_a_nat_gateway_leads_out(way: Item) -> None:
    assert lost(ASSOCIATION, way) == []


def test_a_default_route_may_stand_in_the_table() -> None:
    table = NETWORK[2]
    inline = {"route": [{"cidr_block": "0.0.0.0/0", **NAT}]}
    given = [*NETWORK[:2], ("aws_route_table", "t", {**table[2], **inline})]
    result = judged("PDR401", *given, ASSOCIATION, ROLE, policy("kms:Decrypt"), function(**INSIDE))
    assert texts(result) == []


def test_an_internet_gateway_leads_no_function_out() -> None:
    gateway = route(destination_cidr_block="0.0.0.0/0", gateway_id="${aws_internet_gateway.g.id}")
    assert lost(ASSOCIATION, gateway) == ["kms"]


def test_a_route_to_somewhere_else_is_no_default() -> None:
    assert lost(ASSOCIATION, route(destination_cidr_block="10.1.0.0/16", **NAT)) == ["kms"]


def test_the_main_table_serves_subnets_without_their_own() -> None:
    main = (
        "aws_main_route_table_association",
        "m",
        {"vpc_id": "${aws_vpc.v.id}", "route_table_id": "${aws_route_table.t.id}"},
    )
    assert lost(main, route(destination_cidr_block="0.0.0.0/0", **NAT)) == []


def test_the_default_table_serves_subnets_without_their_own() -> None:
    table = (
        "aws_default_route_table",
        "d",
        {
            "default_route_table_id": "${aws_vpc.v.default_route_table_id}",
            "route": [{"cidr_block": "0.0.0.0/0", **NAT}],
        },
    )
    assert lost(table) == []


def test_an_interface_endpoint_serves_its_vpc_alone() -> None:
    interface = {"vpc_endpoint_type": "Interface"}
    assert lost(ASSOCIATION, endpoint("kms", **interface)) == []
    elsewhere = endpoint("kms", **{**interface, "vpc_id": "${aws_vpc.other.id}"})
    assert lost(ASSOCIATION, elsewhere, ("aws_vpc", "other", {})) == ["kms"]


def test_a_gateway_endpoint_serves_its_route_tables_alone() -> None:
    by_association = (
        "aws_vpc_endpoint_route_table_association",
        "e",
        {
            "vpc_endpoint_id": "${aws_vpc_endpoint.s3.id}",
            "route_table_id": "${aws_route_table.t.id}",
        },
    )
    assert lost(ASSOCIATION, endpoint("s3"), by_association, action="s3:GetObject") == []
    other = ("aws_route_table", "u", {"vpc_id": "${aws_vpc.v.id}"})
    elsewhere = endpoint("s3", route_table_ids=["${aws_route_table.u.id}"])
    assert lost(ASSOCIATION, other, elsewhere, action="s3:GetObject") == ["s3"]


def undecided(*resources: Item) -> list[str]:
    result = judged("PDR401", *NETWORK, ROLE, policy("kms:Decrypt"), function(**INSIDE), *resources)
    assert texts(result) == []
    return reasons(result)


UNKNOWN = ["aws_lambda_function.f routes or endpoints of aws_subnet.s cannot be followed"]


def test_associations_that_cannot_be_followed_leave_it_open() -> None:
    behind = {"subnet_id": "${local.subnet}", "route_table_id": "${aws_route_table.t.id}"}
    assert undecided(("aws_route_table_association", "a", behind)) == UNKNOWN


def test_endpoints_that_cannot_be_followed_leave_it_open() -> None:
    assert undecided(ASSOCIATION, endpoint("s3")) == UNKNOWN
    named_later = {"service_name": "${local.service}", "vpc_endpoint_type": "Interface"}
    assert undecided(ASSOCIATION, endpoint("x", **named_later)) == UNKNOWN


def test_associations_of_gateways_are_none_of_subnets() -> None:
    of_a_gateway = {"gateway_id": "igw", "route_table_id": "${aws_route_table.t.id}"}
    assert lost(("aws_route_table_association", "g", of_a_gateway)) == ["kms"]


def test_subnets_of_somewhere_else_leave_it_open() -> None:
    given = function(vpc_config=[{"subnet_ids": ["subnet-1"], "security_group_ids": []}])
    result = judged("PDR401", ROLE, policy("kms:Decrypt"), given)
    assert reasons(result) == [
        "aws_lambda_function.f its subnets are in none of the plans or behind a local"
    ]


def test_functions_that_call_nothing_or_are_in_no_vpc_are_fine() -> None:
    assert lost(action="logs:PutLogEvents") == []
    result = judged("PDR401", ROLE, policy("kms:Decrypt"), function())
    assert texts(result) + reasons(result) == []


def test_what_the_environment_refers_to_is_called() -> None:
    given = function(
        **INSIDE,
        environment=[{"variables": {"A": "${aws_sqs_queue.q.url}", "B": "${aws_vpc.v.id}"}}],
    )
    (found,) = texts(judged("PDR401", *NETWORK, ("aws_sqs_queue", "q", {}), given))
    assert "calls sqs from" in found


def test_policies_by_aws_and_attached_ones_say_what_is_called() -> None:
    by_aws = (
        "aws_iam_role_policy_attachment",
        "aws",
        {
            "role": "${aws_iam_role.r.name}",
            "policy_arn": "arn:aws:iam::aws:policy/AmazonSNSReadOnlyAccess",
        },
    )
    own = (
        "aws_iam_role_policy_attachment",
        "own",
        {"role": "r", "policy_arn": "${aws_iam_policy.p.arn}"},
    )
    document = (
        "aws_iam_policy_document",
        "d",
        {"statement": [{"actions": ["ssm:GetParameter"]}, {"effect": "Deny", "actions": ["s3:*"]}]},
    )
    attached = (
        "aws_iam_policy",
        "p",
        {"policy": "${data.aws_iam_policy_document.d.json}"},
    )
    role = (
        "aws_iam_role",
        "r",
        {"name": "r", "managed_policy_arns": ["arn:aws:iam::aws:policy/AmazonSQSFullAccess"]},
    )
    (found,) = texts(
        judged(
            "PDR401", *NETWORK, role, by_aws, own, attached, function(**INSIDE), data=(document,)
        )
    )
    assert "calls sns, sqs, ssm from" in found


def test_a_policy_that_is_not_known_yet_calls_nothing() -> None:
    later = ("aws_iam_role_policy", "p", {"role": "${aws_iam_role.r.id}", "policy": "${local.p}"})
    result = judged("PDR401", *NETWORK, ROLE, later, function(**INSIDE))
    assert texts(result) + reasons(result) == []


@pytest.mark.parametrize(
    ("name", "common"),
    [
        ("payments-api-us-west-2", "payments-api"),
        ("payments_api_usw2", "payments-api"),
        ("payments-api-primary", "payments-api"),
        ("backup-verification-dr", "backup-verification"),
        ("", "f"),
    ],
)
def test_the_same_thing_at_another_site_has_the_same_name(name: str, common: str) -> None:
    found = plan({"resource": {"aws_lambda_function": {"f_west": {"function_name": name}}}})
    assert common_name(found.resources[0], "function_name") == common


def test_one_site_needs_no_counterpart() -> None:
    assert texts(judged("PDR402", VPCS[0], function())) == []


def test_functions_of_one_site_are_not_compared() -> None:
    first = function("a", function_name="f-east", memory_size=128)
    second = function("b", function_name="f", memory_size=256)
    assert texts(judged("PDR403", first, second)) == []


def test_provisioned_concurrency_and_memory_are_compared() -> None:
    first = function("a", function_name="f-east")
    second = function("b", function_name="f-west", **west(memory_size=256))
    config = (
        "aws_lambda_provisioned_concurrency_config",
        "a",
        {
            "function_name": "${aws_lambda_function.a.function_name}",
            "provisioned_concurrent_executions": 5,
        },
    )
    (found,) = texts(judged("PDR403", first, second, config))
    assert "has provisioned concurrency 0 against 5, memory 256 against 128 of" in found


def package(**arguments: Any) -> list[str]:
    return [text.split(" ", 1)[1] for text in texts(judged("PDR404", function(**arguments)))]


def test_index_handler_without_a_hash_is_a_placeholder() -> None:
    given = {"handler": "index.handler", "filename": "function.zip"}
    assert len(package(**given)) == 1
    assert package(**given, source_code_hash="x") == []
    assert package(**given, code_sha256="x") == []
    assert package(handler="index.handler", s3_key="releases/function.zip") == []
    assert package(handler="index.handler", s3_key="releases/dummy.zip") == [
        "has the package releases/dummy.zip"
    ]


@pytest.mark.parametrize(
    ("archive", "found"),
    [
        ({"source_content": "def handler(): pass"}, "is zipped from text inside"),
        ({"source": [{"content": "x", "filename": "x"}]}, "is zipped from text inside"),
        ({"output_size": 200}, "has a package of 200 bytes"),
        ({"source_dir": "src", "output_size": 4096}, ""),
    ],
)
def test_an_archive_gives_a_placeholder_away(archive: dict[str, Any], found: str) -> None:
    given = function(filename="${data.archive_file.z.output_path}", source_code_hash="x")
    result = judged("PDR404", given, data=(("archive_file", "z", archive),))
    assert [found in text for text in texts(result)] == ([True] if found else [])


def test_a_package_from_elsewhere_is_trusted() -> None:
    other: Item = ("aws_s3_object", "o", {})
    given = function(filename="${aws_s3_object.o.id}", handler="app.handler")
    assert texts(judged("PDR404", given, other)) == []
