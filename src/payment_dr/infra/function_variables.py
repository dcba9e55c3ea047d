"""The environment of each function on AWS: what `functions.environment` reads, and no secret."""

from dataclasses import dataclass

from payment_dr.functions.catalogue import Function, Need
from payment_dr.infra.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerEndpoints:
    """Ways to the site's cluster.

    Attributes:
        proxy: pools connections to the writer as the role of the application.
        writer: the cluster's own endpoint; while the cluster is a replica it leads nowhere.
        reader: its replicas, or the writer if it has none.
        port: of all three.
    """

    proxy: str
    writer: str
    reader: str
    port: int


def function_variables(function: Function, place: Place, ledger: LedgerEndpoints) -> dict[str, str]:
    """Variables by name; those that only a lab needs are left out.

    The other site's ledger has no variable: its address may change while its region is away, so it
    is discovered when it is needed.
    """
    settings = place.settings
    return {
        "PAYMENT_DR_SITE": place.site.name,
        # Defaults are the package's own, which is the same that was synthesized.
        "PAYMENT_DR_SETTINGS": settings.model_dump_json(exclude_defaults=True),
        "PAYMENT_DR_LEDGER_HOST": _ledger_host(function, ledger),
        "PAYMENT_DR_LEDGER_PORT": str(ledger.port),
        "PAYMENT_DR_OWN_URL": f"https://{settings.domain(place.site.name)}",
        "PAYMENT_DR_PEER_HEALTH_URL": f"https://{settings.domain(place.peer.name)}/health",
        "PAYMENT_DR_EVIDENCE_BUCKET": f"{place.name('evidence')}{place.bucket_suffix}",
    }


def _ledger_host(function: Function, ledger: LedgerEndpoints) -> str:
    """Where a function logs in.

    The proxy is for what scales out, and only ever reaches a writer. Whoever looks at a replica
    (confirmer, watcher) or logs in as another role goes to the cluster: libpq tries a list of hosts
    in turn, so the writer is found where there is one, and else a replica.
    """
    other_role = not function.needs.isdisjoint({Need.LEDGER_ADMIN, Need.LEDGER_MASTER})
    if function.single or other_role:
        return f"{ledger.writer},{ledger.reader}"
    return ledger.proxy
