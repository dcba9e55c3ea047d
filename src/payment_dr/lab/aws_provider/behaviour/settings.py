"""What a configuration of the provider says that matters to the stand-in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from payment_dr.lab.aws_provider.wire.values import is_unknown

_REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
"""Account of a provider that is not told which one it may touch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderSettings:
    """Where resources are, whose they are, and the tags that each of them gets."""

    region: str = _REGION
    account: str = ACCOUNT
    default_tags: Mapping[str, Any] = field(default_factory=dict[str, Any])


def settings_of(config: Mapping[str, Any]) -> ProviderSettings:
    """Read the configuration of the provider; what is absent or not known yet has a default."""
    accounts = _known_list(config.get("allowed_account_ids"))
    blocks = _known_list(config.get("default_tags"))
    tags: list[dict[str, Any]] = [
        each["tags"] for each in blocks if each.get("tags") and not is_unknown(each["tags"])
    ]
    region = config.get("region")
    return ProviderSettings(
        region=region if isinstance(region, str) else _REGION,
        account=next((each for each in accounts if isinstance(each, str)), ACCOUNT),
        default_tags=tags[0] if tags else dict[str, Any](),
    )


def _known_list(value: Any) -> list[Any]:
    return [] if value is None or is_unknown(value) else value


def region_of(value: Mapping[str, Any], settings: ProviderSettings) -> str:
    """The region of a resource or of a data source: its own argument, or the provider's."""
    region = value.get("region")
    return region if isinstance(region, str) else settings.region
