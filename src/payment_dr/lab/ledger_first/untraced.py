"""The provider without the id of a request, which a retry after a lost claim would change."""

from dataclasses import dataclass, replace

from payment_dr.payments.ports import Provider, ProviderCall, ProviderOutcome


@dataclass(frozen=True, kw_only=True, slots=True)
class UntracedProvider:
    """Sends the same parameters under an idempotency key, whichever request claimed.

    A provider refuses a key that comes with other parameters. Our own design keeps the id with the
    claim, in a record that no site's loss takes away.
    """

    provider: Provider

    def perform(self, call: ProviderCall) -> ProviderOutcome:
        """As the provider does, under the same key."""
        return self.provider.perform(_untraced(call))

    def look_up(self, call: ProviderCall) -> ProviderOutcome | None:
        """As the provider does."""
        return self.provider.look_up(_untraced(call))


def _untraced(call: ProviderCall) -> ProviderCall:
    return replace(call, operation=replace(call.operation, request_id=""))
