"""Schemas read from the bindings, by what is known of the real provider; and their cache."""

import importlib.util
import io
import tarfile
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.aws_provider.schema import cache
from payment_dr.lab.aws_provider.schema.answer import Schemas, answer_of
from payment_dr.lab.aws_provider.schema.making import make, read
from payment_dr.lab.aws_provider.schema.model import (
    Block,
    Collection,
    Described,
    Family,
    Kind,
    NestedBlock,
    Nesting,
    Primitive,
    Record,
    Type,
    block_type,
    has_dynamic,
    terraform_type,
    type_of,
)
from payment_dr.lab.aws_provider.schema.reader import described_in
from payment_dr.lab.aws_provider.schema.script import script_of


@pytest.fixture(scope="module", name="described")
def everything() -> dict[tuple[Family, str], Block]:
    return {(each.family, each.name): each.block for each in read(cache.archive())}


def nested(block: Block, name: str) -> NestedBlock:
    return next(each for each in block.blocks if each.name == name)


def form(block: Block, name: str) -> Any:
    attribute = block.attribute(name)
    assert attribute is not None
    return terraform_type(attribute.type)


def test_all_types_of_the_provider_are_there(described: dict[tuple[Family, str], Block]) -> None:
    counts = {family: sum(key[0] is family for key in described) for family in Family}
    assert counts[Family.RESOURCE] > 1700
    assert counts[Family.DATA] > 650
    assert counts[Family.EPHEMERAL] >= 11
    assert counts[Family.PROVIDER] == 1
    named = {name for family, name in described if family is not Family.PROVIDER}
    assert all(name.startswith("aws_") for name in named)


def test_the_payments_table_has_the_blocks_of_the_real_provider(
    described: dict[tuple[Family, str], Block],
) -> None:
    table = described[Family.RESOURCE, "aws_dynamodb_table"]
    replica = nested(table, "replica")
    assert (replica.nesting, replica.items_max) == (Nesting.SET, 0)
    region = replica.block.attribute("region_name")
    assert region is not None
    assert (region.required, region.computed) == (True, False)
    witness = nested(table, "global_table_witness")
    assert (witness.nesting, witness.items_min, witness.items_max) == (Nesting.LIST, 0, 1)
    assert nested(table, "timeouts").nesting is Nesting.SINGLE
    indexes = nested(table, "global_secondary_index")
    assert form(indexes.block, "non_key_attributes") == ["set", "string"]
    arn = table.attribute("arn")
    assert arn is not None
    assert (arn.computed, arn.optional, arn.required) == (True, False, False)


def test_types_that_the_stacks_rest_on_are_read_exactly(
    described: dict[tuple[Family, str], Block],
) -> None:
    version = described[Family.RESOURCE, "aws_secretsmanager_secret_version"]
    assert [each.name for each in version.attributes if each.write_only] == ["secret_string_wo"]
    assert form(version, "version_stages") == ["set", "string"]
    assert form(version, "secret_string_wo_version") == "number"
    target = nested(described[Family.RESOURCE, "aws_scheduler_schedule"], "target")
    assert (target.items_min, target.items_max) == (1, 1)
    tables = described[Family.DATA, "aws_route_tables"]
    assert form(tables, "ids") == ["list", "string"]
    members = form(described[Family.RESOURCE, "aws_rds_global_cluster"], "global_cluster_members")
    assert members == ["set", ["object", {"db_cluster_arn": "string", "is_writer": "bool"}]]
    rules = form(described[Family.RESOURCE, "aws_security_group"], "ingress")
    assert rules[0] == "set"
    assert rules[1][1]["cidr_blocks"] == ["list", "string"]


def test_the_providers_own_configuration_is_read_though_nobody_reads_it_back(
    described: dict[tuple[Family, str], Block],
) -> None:
    provider = described[Family.PROVIDER, "aws"]
    assert form(provider, "allowed_account_ids") == ["set", "string"]
    tags = nested(provider, "default_tags")
    assert tags.nesting is Nesting.LIST
    assert form(tags.block, "tags") == ["map", "string"]
    assert nested(provider, "endpoints").nesting is Nesting.SET


def test_what_the_bindings_do_not_tell_is_left_open(
    described: dict[tuple[Family, str], Block],
) -> None:
    rule = described[Family.RESOURCE, "aws_wafv2_rule_group"]
    assert nested(rule, "rule").nesting is Nesting.LIST  # a set with an open part is refused
    versions = described[Family.RESOURCE, "aws_lexv2models_bot_version"]
    assert nested(versions, "locale_specification").nesting is Nesting.MAP
    assert form(described[Family.RESOURCE, "aws_lexv2models_intent"], "timeouts") == "dynamic"
    policies = described[Family.DATA, "aws_networkmanager_core_network_policy_document"]
    assert "['set', ['list', 'string']]" in str(terraform_type(_type_of_block(policies)))


def _type_of_block(block: Block) -> Record:
    members: list[tuple[str, Type]] = [(each.name, each.type) for each in block.attributes]
    members += [(each.name, _type_of_block(each.block)) for each in block.blocks]
    return Record(attributes=tuple(members))


def test_a_getter_of_a_kind_that_is_not_known_is_left_open() -> None:
    source = """
class Thing extends cdktn.TerraformResource {
    static tfResourceType = "aws_thing";
    // odd - computed: true, optional: false, required: false
    get odd() {
        return this.getOddAttribute('odd');
    }
}
class Helper extends cdktn.TerraformResource {
}
//# sourceMappingURL=data:application/json;base64,AAAA
"""
    (thing,) = described_in(script_of(source))
    assert form(thing.block, "odd") == "dynamic"


@pytest.mark.parametrize(
    "kind",
    [
        Primitive.NUMBER,
        Collection(kind=Kind.MAP, element=Collection(kind=Kind.LIST, element=Primitive.DYNAMIC)),
        Record(attributes=(("a", Primitive.BOOL), ("b", Record(attributes=())))),
    ],
    ids=str,
)
def test_types_are_written_and_read_in_terraforms_form(kind: Type) -> None:
    assert type_of(terraform_type(kind)) == kind
    assert has_dynamic(kind) == ("dynamic" in str(terraform_type(kind)))


def test_blocks_by_name_have_the_type_of_a_map() -> None:
    nothing = Block(attributes=(), blocks=())
    by_name = NestedBlock(name="b", nesting=Nesting.MAP, block=nothing)
    assert terraform_type(block_type(by_name)) == ["map", ["object", {}]]


def test_the_answer_gives_back_every_schema_that_was_put_in(
    described: dict[tuple[Family, str], Block],
) -> None:
    schemas = Schemas(
        answer_of(
            Described(family=family, name=name, block=block)
            for (family, name), block in described.items()
        )
    )
    for family in (Family.RESOURCE, Family.DATA, Family.EPHEMERAL):
        assert schemas.names(family) == {name for each, name in described if each is family}
    for name in ("aws_dynamodb_table", "aws_wafv2_rule_group", "aws_lexv2models_bot_version"):
        block = schemas.block(Family.RESOURCE, name)
        assert block == described[Family.RESOURCE, name]
        assert schemas.block(Family.RESOURCE, name) is block
    with pytest.raises(KeyError):
        schemas.block(Family.RESOURCE, "aws_missing")


def test_what_is_kept_is_what_the_bindings_say(
    described: dict[tuple[Family, str], Block],
) -> None:
    kept = Schemas(cache.answer())
    assert kept.names(Family.DATA) == {name for each, name in described if each is Family.DATA}


@pytest.fixture(name="archive")
def one_module(tmp_path: Path) -> Path:
    """An archive as small as can be, in place of the bindings' own."""
    source = b"""
class Topic extends cdktn.TerraformResource {
    static tfResourceType = "aws_topic";
    // name - computed: false, optional: false, required: true
    get name() {
        return this.getStringAttribute('name');
    }
}
"""
    place = tmp_path / "bindings" / "_jsii"
    place.mkdir(parents=True)
    path = place / "provider-aws@1.0.0.jsii.tgz"
    with tarfile.open(path, "w:gz") as files:
        for name in ("package/lib/topic/index.js", "package/lib/topic/index.d.ts"):
            member = tarfile.TarInfo(name)
            member.size = len(source)
            files.addfile(member, io.BytesIO(source))
    return path


def installed(monkeypatch: pytest.MonkeyPatch, place: Path | None) -> None:
    """Make the bindings be found at a place, or nowhere."""
    spec = ModuleSpec("cdktn_provider_aws", None, is_package=True)
    spec.submodule_search_locations = [str(place)]
    found = None if place is None else spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: found)


def test_schemas_are_kept_in_the_users_cache_and_damage_is_mended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, archive: Path
) -> None:
    installed(monkeypatch, archive.parents[1])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    answer = cache.answer()
    assert answer == make(archive)
    assert Schemas(answer).names(Family.RESOURCE) == {"aws_topic"}
    (kept,) = (tmp_path / "cache" / "payment-dr").rglob("*.schemas")
    assert kept.name.startswith("provider-aws@1.0.0")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1])
    assert cache.answer() == answer
    assert kept.read_bytes() == whole


def test_what_is_kept_is_not_read_from_the_bindings_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, archive: Path
) -> None:
    installed(monkeypatch, archive.parents[1])
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    answer = cache.answer()
    assert list((tmp_path / ".cache" / "payment-dr").rglob("*.schemas"))
    archive.write_bytes(b"no archive any more")
    assert cache.answer() == answer


@pytest.mark.parametrize("place", [None, Path("/nowhere")])
def test_bindings_that_are_missing_are_said_to_be(
    monkeypatch: pytest.MonkeyPatch, place: Path | None
) -> None:
    installed(monkeypatch, place)
    with pytest.raises(PaymentDrError, match="bindings of the aws provider are not installed"):
        cache.answer()
