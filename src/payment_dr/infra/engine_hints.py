"""What to do about the errors of an engine that operators meet."""

import re
from collections.abc import Iterable
from typing import Final

from payment_dr.infra.engine_events import Diagnosed

_HINTS: Final[tuple[tuple[str, str], ...]] = (
    (
        (
            "somebody else's run holds the lock: let it end; if its process is surely gone, "
            "force-unlock with the lock's ID in the stack's directory"
        ),
        r"error acquiring the state lock",
    ),
    (
        "create the bucket for the state first, with versioning: docs/how-to/deploy.md",
        r"NoSuchBucket|bucket .* does not exist",
    ),
    (
        "sign in to AWS again, then run the same command",
        r"ExpiredToken|token (included in the request|has) .*expired|credentials? .*expired",
    ),
    (
        "sign in to AWS, or set AWS_PROFILE",
        r"no valid credential|NoCredentialProviders|failed to refresh cached credentials",
    ),
    (
        "these credentials are of another account than deployment.account_id in the settings",
        r"AWS account ID not allowed",
    ),
    (
        "ask for a higher quota, or delete what is unused, then run the same command",
        r"LimitExceeded|quota|maximum number of",
    ),
    (
        "these credentials lack that permission: docs/how-to/deploy.md says what is needed",
        r"AccessDenied|not authorized|UnauthorizedOperation",
    ),
    (
        "somebody changed the state in between: run the same command again, it plans anew",
        r"saved plan is stale",
    ),
    (
        (
            "the provider cannot be downloaded from here: check the network, or name a mirror in "
            "the engine's CLI configuration"
        ),
        r"failed to (query available|install) provider|could not connect to registry",
    ),
    (
        "often AWS goes on by itself: run the same command again, it continues",
        r"timeout while waiting|context deadline exceeded|connection reset|no such host",
    ),
)
"""What to do, and the regular expression of errors that it is for; the first that fits is given."""


def remedy_for(errors: Iterable[Diagnosed]) -> str:
    """The remedy for the errors of a run; "" when none is known."""
    words = "\n".join(str(error) for error in errors)
    return next(
        (remedy for remedy, pattern in _HINTS if re.search(pattern, words, re.IGNORECASE)), ""
    )
