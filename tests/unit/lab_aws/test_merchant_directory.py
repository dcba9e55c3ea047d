"""The directory of merchants in a real strongly consistent table, from both regions."""

import random
from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from fakes.aws import EAST, WEST, CloudUnderTest
from fakes.planned_client import PlannedClient, refusal
from payment_dr.adapters import merchant_directory
from payment_dr.adapters.merchant_directory import MerchantDirectory
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.mode import Mode
from payment_dr.payments.merchants import (
    ALL_SCOPES,
    ID_BYTES,
    SECRET_BYTES,
    ApiKey,
    Merchant,
    new_key,
    revoked,
    with_key,
)


def key(merchant: str = "acme") -> ApiKey:
    chance = random.randbytes(ID_BYTES + SECRET_BYTES)
    return new_key(merchant, Mode.TEST, ALL_SCOPES, random=chance, now=1.5)[0]


def directory(cloud: CloudUnderTest, region: str) -> MerchantDirectory:
    return MerchantDirectory(cloud.client("dynamodb", region), cloud.table)


def test_a_key_made_at_one_site_is_known_at_the_other_at_once(cloud: CloudUnderTest) -> None:
    made = key()
    assert directory(cloud, EAST).add_key(made)
    assert directory(cloud, WEST).key(made.key_id) == made
    assert directory(cloud, WEST).key("unknown") is None


def test_a_key_revoked_at_one_site_is_revoked_at_the_other_at_once(cloud: CloudUnderTest) -> None:
    made = key()
    directory(cloud, EAST).add_key(made)
    assert directory(cloud, WEST).replace_key(revoked(made, 2.0))
    assert directory(cloud, EAST).key(made.key_id) == revoked(made, 2.0)


def test_of_two_writers_of_one_version_one_wins(cloud: CloudUnderTest) -> None:
    name = f"acme-{cloud.settings.environment_suffix}"
    merchant = Merchant(merchant=name, created_at=1.0)
    east, west = directory(cloud, EAST), directory(cloud, WEST)
    assert east.add_merchant(merchant)
    assert not west.add_merchant(replace(merchant, created_at=2.0))
    assert east.replace_merchant(with_key(merchant, "a"))
    assert not west.replace_merchant(with_key(merchant, "b"))
    assert west.merchant(name) == with_key(merchant, "a")


def test_all_merchants_are_listed(cloud: CloudUnderTest) -> None:
    names = {f"listed-{number}" for number in range(3)}
    for name in names:
        directory(cloud, EAST).add_merchant(Merchant(merchant=name, created_at=1.0))
    listed = directory(cloud, WEST).merchants()
    assert names <= set(listed)
    assert list(listed) == sorted(listed)


def test_a_list_that_is_full_takes_nobody(
    cloud: CloudUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    east = directory(cloud, EAST)
    east.add_merchant(Merchant(merchant="full-1", created_at=1.0))
    monkeypatch.setattr(merchant_directory, "MERCHANTS_MAX", 1)
    with pytest.raises(PaymentDrError, match="1 merchants already"):
        east.add_merchant(Merchant(merchant="full-2", created_at=1.0))
    assert not east.add_merchant(Merchant(merchant="full-1", created_at=1.0))


def test_an_empty_directory_lists_nobody() -> None:
    assert not MerchantDirectory(PlannedClient({}), "t").merchants()  # type: ignore[arg-type]  # planned answers


def planned(*answers: object) -> MerchantDirectory:
    return MerchantDirectory(PlannedClient(*answers), "t")  # type: ignore[arg-type]  # planned answers


def test_a_write_whose_answer_was_lost_is_looked_for() -> None:
    made = key()
    stored = {"Item": {"body": {"S": TypeAdapter(ApiKey).dump_json(made).decode()}}}
    lost = refusal("InternalServerError", 500)
    assert planned(lost, stored).add_key(made)
    with pytest.raises(UnavailableError):
        planned(lost, {}).add_key(made)


def test_a_write_that_was_refused_is_not_looked_for() -> None:
    with pytest.raises(UnavailableError) as caught:
        planned(refusal("ThrottlingException")).add_key(key())
    assert caught.value.definite
