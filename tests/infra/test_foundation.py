"""Names, certificates and domains: made before the sites, changed by no move."""

from typing import Any

import pytest

from infra.synthesized import (
    StackJson,
    resources,
    statements,
    synthesize,
    synthesize_at,
    the,
    the_name,
)
from payment_dr.core.settings import Settings
from payment_dr.infra.constructs.secret_key import SecretKey, SecretKeyProps
from payment_dr.infra.place import Place
from payment_dr.infra.stacks.base import shared_base, site_base, state_bucket
from payment_dr.infra.stacks.foundation import foundation_stack

CERTIFICATE = "aws_acm_certificate"


@pytest.fixture(scope="module", name="stack")
def made_stack(home: Place, peer: Place) -> StackJson:
    return synthesize(lambda app: foundation_stack(app, home, peer))


def names(settings: Settings) -> list[str]:
    """What clients resolve, and each site's own name."""
    return [settings.dns.name, *(settings.domain(site.name) for site in settings.sites)]


def test_the_zone_survives_a_careless_plan_and_a_loss_of_its_control_plane(
    stack: StackJson, settings: Settings
) -> None:
    zone = the(stack, "aws_route53_zone", name=settings.dns.zone)
    assert zone["lifecycle"] == {"prevent_destroy": True}
    assert zone["force_destroy"] is False
    assert zone["enable_accelerated_recovery"] is True


def test_each_region_has_a_certificate_for_all_three_names(
    stack: StackJson, settings: Settings
) -> None:
    for site in settings.sites:
        certificate = the(stack, CERTIFICATE, region=site.region)
        first, *others = names(settings)
        assert certificate["domain_name"] == first
        assert certificate["subject_alternative_names"] == others
        assert certificate["validation_method"] == "DNS"
        assert certificate["lifecycle"] == {"create_before_destroy": True}


def test_each_name_is_proven_once_by_a_record_of_its_own(
    stack: StackJson, settings: Settings, home: Place
) -> None:
    source = the_name(stack, CERTIFICATE, region=home.site.region)
    options = f"{CERTIFICATE}.{source}.domain_validation_options"
    proofs = [r for r in resources(stack, "aws_route53_record").values() if "alias" not in r]
    assert len(proofs) == len(names(settings))
    for name in names(settings):
        chosen = f'o in {options} : o.resource_record_name if o.domain_name == "{name}"'
        (proof,) = [one for one in proofs if chosen in one["name"]]
        assert f'"{name}"' in proof["type"]
        assert f'"{name}"' in proof["records"][0]


def test_a_domain_waits_for_its_certificate_and_names_its_region(
    stack: StackJson, settings: Settings
) -> None:
    for site in settings.sites:
        validated = the_name(stack, "aws_acm_certificate_validation", region=site.region)
        arn = f"${{aws_acm_certificate_validation.{validated}.certificate_arn}}"
        for name in (settings.dns.name, settings.domain(site.name)):
            domain = the(
                stack, "aws_apigatewayv2_domain_name", domain_name=name, region=site.region
            )
            assert domain["domain_name_configuration"] == {
                "certificate_arn": arn,
                "endpoint_type": "REGIONAL",
                "security_policy": "TLS_1_2",
            }


def test_no_region_answers_to_the_other_sites_own_name(
    stack: StackJson, settings: Settings
) -> None:
    domains = resources(stack, "aws_apigatewayv2_domain_name").values()
    for site in settings.sites:
        here = {one["domain_name"] for one in domains if one["region"] == site.region}
        assert here == {settings.dns.name, settings.domain(site.name)}


def test_a_sites_own_name_is_an_alias_of_its_regions_domain(
    stack: StackJson, settings: Settings
) -> None:
    for site in settings.sites:
        name = settings.domain(site.name)
        domain = the_name(stack, "aws_apigatewayv2_domain_name", domain_name=name)
        target = f"aws_apigatewayv2_domain_name.{domain}.domain_name_configuration[0]"
        record = the(stack, "aws_route53_record", name=name)
        assert record["alias"]["name"] == f"${{{target}.target_domain_name}}"
        assert record["alias"]["zone_id"] == f"${{{target}.hosted_zone_id}}"
        assert record["alias"]["evaluate_target_health"] is False


def test_the_name_that_clients_use_is_left_to_the_failover_records(
    stack: StackJson, settings: Settings
) -> None:
    assert settings.dns.name not in [
        record["name"] for record in resources(stack, "aws_route53_record").values()
    ]


def test_outputs_are_flat_scalars_under_plain_names(stack: StackJson) -> None:
    assert set(stack["output"]) == {"ZoneId", "NameServers", "ApiUrl", "SecretKeyArn"}
    assert all(isinstance(output["value"], str) for output in stack["output"].values())
    assert stack["output"]["NameServers"]["value"].startswith('${join(",", ')


@pytest.fixture(scope="module", name="keys")
def made_keys(home: Place, peer: Place) -> StackJson:
    props = SecretKeyProps(home=home, peer=peer)
    return synthesize_at(home, lambda stack: SecretKey(stack, "key", props))


def test_one_key_is_in_both_regions_under_one_alias(
    keys: StackJson, home: Place, peer: Place
) -> None:
    key = the(keys, "aws_kms_key", region=home.site.region)
    assert key["multi_region"] is True
    assert key["enable_key_rotation"] is True
    copy = the(keys, "aws_kms_replica_key", region=peer.site.region)
    made = the_name(keys, "aws_kms_key")
    assert copy["primary_key_arn"] == f"${{aws_kms_key.{made}.arn}}"
    for place, target in ((home, "aws_kms_key"), (peer, "aws_kms_replica_key")):
        alias = the(keys, "aws_kms_alias", region=place.site.region)
        assert alias["name"] == "alias/payments-secrets-prod"
        assert alias["target_key_id"].startswith(f"${{{target}.")


@pytest.mark.parametrize("kind", ["aws_kms_key", "aws_kms_replica_key"])
def test_the_key_opens_nothing_but_through_secrets_manager(keys: StackJson, kind: str) -> None:
    body = the(keys, kind)
    assert body["deletion_window_in_days"] == 30
    deny = statements(body["policy"])["OnlyThroughSecretsManager"]
    assert deny["Effect"] == "Deny"
    assert "kms:Decrypt" in deny["Action"]
    assert deny["Condition"] == {
        "StringNotLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}
    }


def configured(stack: StackJson) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one provider, and the backend."""
    (provider,) = stack["provider"]["aws"]
    return provider, stack["terraform"]["backend"]["s3"]


def test_a_site_keeps_its_state_in_its_own_region_under_a_lock(peer: Place) -> None:
    provider, backend = configured(synthesize(lambda app: site_base(app, "west", peer)))
    assert backend == {
        "bucket": "payments-state-west-prod-123456789012",
        "key": "west.tfstate",
        "region": "us-west-2",
        "encrypt": True,
        "use_lockfile": True,
    }
    assert state_bucket(peer) == backend["bucket"]
    assert provider["region"] == "us-west-2"


def test_another_account_is_refused_and_everything_says_where_it_belongs(peer: Place) -> None:
    provider, _ = configured(synthesize(lambda app: site_base(app, "west", peer)))
    assert provider["allowed_account_ids"] == ["123456789012"]
    assert provider["default_tags"] == [
        {
            "tags": {
                "Project": "payments",
                "Environment": "prod",
                "ManagedBy": "payment-dr",
                "Site": "west",
            }
        }
    ]


def test_what_sites_share_is_tagged_by_its_scope_and_keeps_its_state_at_home(home: Place) -> None:
    provider, backend = configured(synthesize(lambda app: shared_base(app, "links", home)))
    tags = provider["default_tags"][0]["tags"]
    assert tags["Scope"] == "links"
    assert "Site" not in tags
    assert (backend["bucket"], backend["key"]) == (state_bucket(home), "links.tfstate")
