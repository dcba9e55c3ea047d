"""What passes the network lists of a stack: a checker that keeps no state, as they keep none."""

from ipaddress import IPv4Address, IPv4Network

from infra.synthesized import StackJson, resources

CLIENT_PORTS = (1024, 32_768, 65_535)
"""Ports that callers use, from first to last."""


Port = tuple[str, int]
"""Protocol and number."""


def refused(stack: StackJson, source: str, target: str, port: Port) -> str:
    """Where a conversation ends that `source` opens to a port of `target`, "" if nowhere.

    Lists of subnets in this VPC are asked, those of its outside are not.
    """
    protocol = port[0]
    for client in ((protocol, number) for number in CLIENT_PORTS):
        steps = (
            ("call leaves", source, target, True, port),
            ("call enters", target, source, False, port),
            ("answer leaves", target, source, True, client),
            ("answer enters", source, target, False, client),
        )
        for step, here, there, out, to_port in steps:
            if not _passes(stack, here, there, to_port, out=out):
                return step
    return ""


def _passes(stack: StackJson, here: str, there: str, port: Port, *, out: bool) -> bool:
    acl = _list_of(stack, here)
    if acl is None:
        return True
    return any(
        rule["network_acl_id"] == f"${{aws_network_acl.{acl}.id}}"
        and rule["egress"] is out
        and rule["protocol"] == port[0]
        and rule["from_port"] <= port[1] <= rule["to_port"]
        and IPv4Address(there) in IPv4Network(rule["cidr_block"])
        for rule in resources(stack, "aws_network_acl_rule").values()
    )


def _list_of(stack: StackJson, address: str) -> str | None:
    """The list of the subnet that an address is in; None outside the VPC."""
    for name, subnet in resources(stack, "aws_subnet").items():
        if IPv4Address(address) in IPv4Network(subnet["cidr_block"]):
            return next(
                acl
                for acl, body in resources(stack, "aws_network_acl").items()
                if f"${{aws_subnet.{name}.id}}" in body["subnet_ids"]
            )
    return None
