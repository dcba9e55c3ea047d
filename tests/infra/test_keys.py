"""Keys: each site has its own, they are rotated, and nobody unnamed may use them."""

import pytest

from infra.synthesized import StackJson, resources, statements, the
from payment_dr.infra.place import Place

THINGS = ("data", "logs", "messages")


def _key(stack: StackJson, place: Place, thing: str) -> dict[str, object]:
    return the(stack, "aws_kms_key", tags={"Name": place.name(thing)})


@pytest.mark.parametrize("thing", THINGS)
def test_a_key_is_rotated_every_year_and_cannot_be_deleted_within_a_month(
    site: StackJson, place: Place, thing: str
) -> None:
    key = _key(site, place, thing)
    assert key["enable_key_rotation"] is True
    assert key["rotation_period_in_days"] == 365
    assert key["deletion_window_in_days"] == 30


def test_a_key_is_of_one_region_so_that_losing_it_harms_no_other(site: StackJson) -> None:
    assert {key["multi_region"] for key in resources(site, "aws_kms_key").values()} == {False}


def test_each_key_has_an_alias_that_names_its_site(site: StackJson, place: Place) -> None:
    names = {alias["name"] for alias in resources(site, "aws_kms_alias").values()}
    assert names == {f"alias/{place.name(thing)}" for thing in THINGS}


def test_no_key_names_everybody(site: StackJson) -> None:
    for key in resources(site, "aws_kms_key").values():
        for statement in statements(key["policy"]).values():
            assert "*" not in statement["Principal"].values()


def test_the_account_decides_by_its_own_policies_who_uses_the_data_key(
    site: StackJson, place: Place
) -> None:
    found = statements(str(_key(site, place, "data")["policy"]))
    assert set(found) == {"Account", "DeliveredLogs"}
    assert found["Account"]["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}


def test_the_logs_key_serves_log_groups_of_this_account_and_region_alone(
    site: StackJson, place: Place
) -> None:
    logs = statements(str(_key(site, place, "logs")["policy"]))["Logs"]
    region = place.site.region
    assert logs["Principal"] == {"Service": f"logs.{region}.amazonaws.com"}
    assert logs["Condition"] == {
        "ArnLike": {
            "kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{region}:123456789012:log-group:*"
        }
    }


@pytest.mark.parametrize("service", ["cloudwatch", "sns"])
def test_alarms_and_topics_use_the_messages_key_for_this_account_alone(
    site: StackJson, place: Place, service: str
) -> None:
    statement = statements(str(_key(site, place, "messages")["policy"]))[service.capitalize()]
    assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_rules_use_the_messages_key_without_a_condition_that_they_could_never_meet(
    site: StackJson, place: Place
) -> None:
    events = statements(str(_key(site, place, "messages")["policy"]))["Events"]
    assert events["Principal"] == {"Service": "events.amazonaws.com"}
    assert "Condition" not in events
