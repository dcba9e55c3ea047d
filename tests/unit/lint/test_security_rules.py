"""PDR8xx beyond the examples: forms of rules and policies."""

from typing import Any

import pytest

from fakes.linting import judged, reasons, texts

Item = tuple[str, str, dict[str, Any]]
OPEN = {"cidr_blocks": ["0.0.0.0/0"], "protocol": "tcp"}


def group(**arguments: Any) -> Item:
    return "aws_security_group", "g", arguments


def ingress(**arguments: Any) -> list[str]:
    return texts(judged("PDR801", group(ingress=[arguments])))


@pytest.mark.parametrize(
    ("rule", "ports"),
    [
        ({**OPEN, "from_port": 22, "to_port": 22}, "port 22"),
        ({**OPEN, "from_port": 0, "to_port": 99}, "ports 0 to 99"),
        ({"ipv6_cidr_blocks": ["::/0"], "protocol": "-1", "from_port": 0}, "every port"),
    ],
)
def test_inline_rules_are_read(rule: dict[str, Any], ports: str) -> None:
    assert ingress(**rule) == [f"aws_security_group.g lets everybody in on {ports}"]


def test_rules_of_known_networks_are_fine() -> None:
    assert ingress(cidr_blocks=["10.0.0.0/8"], from_port=22, to_port=22) == []


def test_rules_as_resources_are_read() -> None:
    older = (
        "aws_security_group_rule",
        "r",
        {**OPEN, "type": "ingress", "security_group_id": "${aws_security_group.g.id}"},
    )
    out = ("aws_security_group_rule", "out", {**OPEN, "type": "egress"})
    newer = (
        "aws_vpc_security_group_ingress_rule",
        "n",
        {"cidr_ipv6": "::/0", "ip_protocol": "-1", "security_group_id": "sg"},
    )
    found = texts(judged("PDR801", group(), older, out, newer))
    assert [text.split()[0] for text in found] == [
        "aws_vpc_security_group_ingress_rule.n",
        "aws_security_group_rule.r",
    ]


@pytest.mark.parametrize(
    ("internal", "port", "found"), [(False, 443, 0), (False, 22, 2), (True, 443, 2)]
)
def test_the_web_may_reach_public_load_balancers(*, internal: bool, port: int, found: int) -> None:
    balancer = (
        "aws_lb",
        "b",
        {"internal": internal, "security_groups": ["${aws_security_group.g.id}"]},
    )
    web = {**OPEN, "from_port": port, "to_port": port}
    rule = (
        "aws_vpc_security_group_ingress_rule",
        "r",
        {
            "cidr_ipv4": "0.0.0.0/0",
            "from_port": port,
            "to_port": port,
            "security_group_id": "${aws_security_group.g.id}",
        },
    )
    assert len(texts(judged("PDR801", balancer, group(ingress=[web]), rule))) == found


def statement(text: str) -> list[str]:
    policy = ("aws_iam_policy", "p", {"policy": f'{{"Statement":[{text}]}}'})
    return [found.split(" allows ")[1] for found in texts(judged("PDR802", policy))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            '{"Effect":"Allow","Action":"*","Resource":"*"}',
            ["the actions *", "* on every resource"],
        ),
        ('{"Effect":"Allow","Action":"s3:*","Resource":"arn"}', ["the actions s3:*"]),
        (
            '{"Effect":"Allow","Action":["kms:Decrypt","xray:PutTraceSegments"],"Resource":["*"]}',
            ["kms:Decrypt on every resource"],
        ),
        ('{"Effect":"Allow","Action":"ec2:DescribeVpcs","Resource":"*"}', []),
        ('{"Effect":"Allow","Action":"dynamodb:InjectError","Resource":"*"}', []),
        (
            '{"Effect":"Allow","Action":"dynamodb:PutItem","Resource":"*"}',
            ["dynamodb:PutItem on every resource"],
        ),
        ('{"Effect":"Allow","Action":"acm:ListCertificates","Resource":"*"}', []),
        ('{"Effect":"Allow","Action":"lambda:GetAccountSettings","Resource":"*"}', []),
        ('{"Effect":"Deny","Action":"*","Resource":"*"}', []),
        (
            '{"Effect":"Allow","NotAction":"iam:*","Resource":"arn"}',
            ["all but what it lists (NotAction or NotResource)"],
        ),
    ],
)
def test_statements_are_judged(text: str, found: list[str]) -> None:
    assert statement(text) == found


def test_documents_as_data_are_judged() -> None:
    document = (
        "aws_iam_policy_document",
        "d",
        {"statement": [{"not_actions": ["iam:*"], "resources": ["arn"]}]},
    )
    policy = ("aws_iam_role_policy", "p", {"policy": "${data.aws_iam_policy_document.d.json}"})
    (found,) = texts(judged("PDR802", policy, data=(document,)))
    assert "all but what it lists" in found


@pytest.mark.parametrize("text", ["no JSON", "[" * 100_000])
def test_a_policy_that_is_no_policy_is_left_to_aws(text: str) -> None:
    result = judged("PDR802", ("aws_iam_policy", "p", {"policy": text}))
    assert texts(result) + reasons(result) == []


def test_a_policy_that_is_known_later_is_not_judged() -> None:
    result = judged("PDR802", ("aws_iam_policy", "p", {"policy": "${aws_vpc.v.arn}"}))
    assert reasons(result) == ["aws_iam_policy.p its policy is known only after the apply"]


@pytest.mark.parametrize(
    ("name", "found"),
    [("AdministratorAccess", 1), ("AmazonS3FullAccess", 1), ("service-role/AWSLambdaRole", 0)],
)
def test_attached_policies_of_aws_are_judged(name: str, found: int) -> None:
    attached = (
        "aws_iam_role_policy_attachment",
        "a",
        {"policy_arn": f"arn:aws:iam::aws:policy/{name}"},
    )
    assert len(texts(judged("PDR802", attached))) == found


def test_what_is_restored_inherits_its_encryption() -> None:
    restored = ("aws_db_instance", "d", {"snapshot_identifier": "s"})
    assert texts(judged("PDR803", restored)) == []
