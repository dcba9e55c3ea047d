"""Which provider a process talks to is said by the settings, and nothing else changes."""

from dataclasses import replace

import pytest

from fakes.composed import SETTINGS, FakeWorld
from payment_dr.adapters.acquirer_provider import AcquirerProvider
from payment_dr.adapters.stripe_provider import StripeProvider
from payment_dr.core.errors import SettingsError
from payment_dr.core.provider_kind import ProviderKind
from payment_dr.functions.composition import provider_of
from payment_dr.functions.environment import Environment


def environment(kind: ProviderKind, url: str | None) -> Environment:
    limits = SETTINGS.payments.model_copy(update={"provider": kind})
    settings = SETTINGS.model_copy(update={"payments": limits})
    return replace(FakeWorld().parts("east").environment, settings=settings, provider_url=url)


@pytest.mark.parametrize(
    ("kind", "made"),
    [(ProviderKind.STRIPE, StripeProvider), (ProviderKind.ACQUIRER, AcquirerProvider)],
)
def test_the_settings_name_the_kind(kind: ProviderKind, made: type) -> None:
    provider = provider_of(environment(kind, "http://127.0.0.1:1"), dict)
    assert isinstance(provider, made)
    provider.close()


def test_only_the_first_kind_has_an_address_of_its_own() -> None:
    provider_of(environment(ProviderKind.STRIPE, None), dict).close()
    with pytest.raises(SettingsError, match="PROVIDER_URL is missing"):
        provider_of(environment(ProviderKind.ACQUIRER, None), dict)
