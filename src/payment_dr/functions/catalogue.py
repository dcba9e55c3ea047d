"""Every function that a site has, as data: handler, size, schedule, and what it may do.

The deployment, its permissions, the package's tests and the lab's hosts are derived from this list.
"""

from dataclasses import dataclass
from enum import Enum, auto, unique
from typing import Final


@unique
class Need(Enum):
    """What a function calls; its permissions and its way there follow from these alone."""

    TABLE_READ = auto()
    """Payments table, control record and run log: reads and queries."""
    TABLE_WRITE = auto()
    """The same: conditional writes."""
    LEDGER = auto()
    """The site's own cluster, as the role of the application."""
    LEDGER_PROXY = auto()
    """The same through its proxy, as the payment API: by a token, or by the same secret."""
    LEDGER_ADMIN = auto()
    """Clusters of both sites, as the role that stamps and migrates."""
    LEDGER_MASTER = auto()
    """The cluster's first user, which makes the other roles."""
    PROVIDER = auto()
    """The provider of payments, over the internet; with it its secret."""
    MERCHANTS = auto()
    """Serves merchants; the secret that their webhooks' secrets are derived from."""
    WEBHOOKS = auto()
    """Merchants' webhooks, over the internet; with it the secret that signs them."""
    CANARY = auto()
    """The API key of the canary, and the site's own address."""
    DIRECTORY = auto()
    """Enters merchants into the list of all of them, which lies in the payments table."""
    CLUSTERS_READ = auto()
    """Describes the global cluster, its members and their backups."""
    CLUSTERS_MOVE = auto()
    """Promotes or switches the global cluster."""
    EVIDENCE = auto()
    """Reads and writes the site's evidence bucket."""
    DNS = auto()
    """Asks the zone's name servers, over the internet; and both sites' `/health`."""
    START_MOVE = auto()
    """Starts the site's recovery state machine."""
    RESTORE = auto()
    """Restores backups into clusters of its own, and deletes these."""
    ROTATE = auto()
    """Writes new versions of the ledger's secrets."""
    EXPIRE = auto()
    """Walks through the payments table, and deletes payments of it."""
    OBSERVE = auto()
    """Reads what readiness judges: alarms, quotas, keys, functions, certificates, secrets."""


@unique
class Every(Enum):
    """How often a schedule calls a function; the value is minutes."""

    MINUTE = 1
    FIVE_MINUTES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """One function.

    Attributes:
        name: as in resource names, `payments-<name>-<site>-<suffix>`.
        handler: `module:function`.
        purpose: for people, one line.
        memory_mb: memory, which is also its share of a CPU.
        timeout_s: longest time of one call.
        needs: what it calls.
        every: its schedule, None if something else calls it.
        single: whether at most one call may be under way in a site.
    """

    name: str
    handler: str
    purpose: str
    memory_mb: int
    timeout_s: int
    needs: frozenset[Need]
    every: Every | None = None
    single: bool = False

    @property
    def lambda_handler(self) -> str:
        """The handler as Lambda writes it: `module.function`."""
        return self.handler.replace(":", ".")


_TABLE: Final = (Need.TABLE_READ, Need.TABLE_WRITE)
_MOVE: Final = frozenset(
    {
        *_TABLE,
        Need.LEDGER,
        Need.LEDGER_ADMIN,
        Need.CANARY,
        Need.CLUSTERS_READ,
        Need.CLUSTERS_MOVE,
        Need.EVIDENCE,
        Need.DNS,
    }
)

FUNCTIONS: Final[tuple[Function, ...]] = (
    Function(
        name="api",
        handler="payment_dr.functions.api:handler",
        purpose="the payment API: accepts, charges, decides, posts, acknowledges",
        memory_mb=1024,
        timeout_s=29,
        needs=frozenset({*_TABLE, Need.LEDGER_PROXY, Need.PROVIDER, Need.MERCHANTS}),
    ),
    Function(
        name="poster",
        handler="payment_dr.functions.poster:handler",
        purpose="posts what the ledger lacks, where the site is active",
        memory_mb=512,
        timeout_s=120,
        needs=frozenset({Need.TABLE_READ, Need.LEDGER}),
        every=Every.MINUTE,
        single=True,
    ),
    Function(
        name="confirmer",
        handler="payment_dr.functions.confirmer:handler",
        purpose="confirms records whose postings have reached the standby",
        memory_mb=512,
        timeout_s=120,
        needs=frozenset({*_TABLE, Need.LEDGER}),
        every=Every.MINUTE,
        single=True,
    ),
    Function(
        name="sweeper",
        handler="payment_dr.functions.sweeper:handler",
        purpose="completes payments whose handler has vanished, expires old ones",
        memory_mb=512,
        timeout_s=120,
        needs=frozenset({*_TABLE, Need.LEDGER, Need.PROVIDER, Need.EXPIRE}),
        every=Every.MINUTE,
        single=True,
    ),
    Function(
        name="webhooks",
        handler="payment_dr.functions.webhooks:handler",
        purpose="delivers events to merchants' webhooks, where the site is active",
        memory_mb=1024,
        timeout_s=75,
        needs=frozenset({Need.TABLE_READ, Need.LEDGER, Need.WEBHOOKS}),
        every=Every.MINUTE,
        single=True,
    ),
    Function(
        name="watcher",
        handler="payment_dr.functions.watcher:handler",
        purpose="watches the other site, opens moves",
        memory_mb=512,
        timeout_s=75,
        needs=_MOVE | {Need.START_MOVE},
        every=Every.MINUTE,
    ),
    Function(
        name="recovery",
        handler="payment_dr.functions.recovery:handler",
        purpose="runs one step of a move, as a task of the state machine",
        memory_mb=1024,
        timeout_s=840,
        needs=_MOVE,
    ),
    Function(
        name="initialise",
        handler="payment_dr.functions.initialise:handler",
        purpose="makes the ledger, the first control record and the canary's merchant; repeatable",
        memory_mb=512,
        timeout_s=300,
        needs=frozenset(
            {
                *_TABLE,
                Need.LEDGER_MASTER,
                Need.LEDGER_ADMIN,
                Need.LEDGER,
                Need.CANARY,
                Need.DIRECTORY,
            }
        ),
        single=True,
    ),
    Function(
        name="readiness",
        handler="payment_dr.functions.readiness:handler",
        purpose="judges whether the site could take over, and says so as metrics",
        memory_mb=512,
        timeout_s=120,
        needs=frozenset(
            {
                Need.TABLE_READ,
                Need.LEDGER_ADMIN,
                Need.CLUSTERS_READ,
                Need.EVIDENCE,
                Need.DNS,
                Need.OBSERVE,
            }
        ),
        every=Every.FIVE_MINUTES,
        single=True,
    ),
    Function(
        name="backup-verification",
        handler="payment_dr.functions.backup_verification:handler",
        purpose="restores a backup, checks it against the payments table, and deletes it again",
        memory_mb=1024,
        timeout_s=900,
        needs=frozenset(
            {
                Need.TABLE_READ,
                Need.LEDGER_ADMIN,
                Need.CLUSTERS_READ,
                Need.RESTORE,
                Need.EVIDENCE,
            }
        ),
        every=Every.FIVE_MINUTES,
        single=True,
    ),
    Function(
        name="rotation",
        handler="payment_dr.functions.rotation:handler",
        purpose="rotates the ledger's secrets, alternating between two users",
        memory_mb=512,
        timeout_s=120,
        needs=frozenset(
            {
                Need.TABLE_READ,
                Need.LEDGER_ADMIN,
                Need.LEDGER,
                Need.CLUSTERS_READ,
                Need.ROTATE,
            }
        ),
        single=True,
    ),
)
"""In the order in which people think of them."""


def function(name: str) -> Function:
    """The function of that name; KeyError if there is none."""
    return {f.name: f for f in FUNCTIONS}[name]
