"""A deployment to this machine instead of AWS: what a stack's configuration says otherwise then.

Terraform merges files whose names end in `_override.tf.json` over the others, so the synthesized
stacks stay as they are.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from payment_dr.lint.values import mapping

OVERRIDE: Final = "zz_override.tf.json"
"""In the stack's directory; last of its kind, so that it has the last word."""
CONFIGURATION: Final = "cdk.tf.json"
"""What a synthesis writes into a stack's directory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Local:
    """Where a local deployment keeps its states, and whom it calls instead of AWS.

    Attributes:
        backend_directory: absolute; holds `<stack>.tfstate`.
        environment: of the engine, over the user's own.
        endpoints: URL by the provider's name of a service; empty where the provider is told in
            another way.
    """

    backend_directory: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    endpoints: Mapping[str, str] = field(default_factory=dict[str, str])


def write_override(local: Local | None, directory: Path) -> None:
    """Write the override of a stack, or remove the one of an earlier local deployment."""
    target = directory / OVERRIDE
    if local is None:
        target.unlink(missing_ok=True)
        return
    state = local.backend_directory / f"{directory.name}.tfstate"
    body: dict[str, Any] = {"terraform": {"backend": {"local": {"path": str(state)}}}}
    configured = mapping(json.loads((directory / CONFIGURATION).read_bytes()))
    if "aws" in mapping(configured.get("provider")):
        body["provider"] = {"aws": [_provider(local)]}
    target.write_text(json.dumps(body, indent=2) + "\n")


def _provider(local: Local) -> dict[str, Any]:
    own: dict[str, Any] = {
        "access_key": "local",
        "secret_key": "local",
        "allowed_account_ids": None,  # the provider refuses it beside the next but two
        "skip_credentials_validation": True,
        "skip_metadata_api_check": "true",  # a string, in the provider's schema
        "skip_requesting_account_id": True,
        "s3_use_path_style": True,
    }
    return {**own, **({"endpoints": [dict(local.endpoints)]} if local.endpoints else {})}
