"""Both sites' ground: keys, network, database, backups, evidence, as one stack for each."""

from infra.synthesized import StackJson, synthesize_at
from payment_dr.infra.constructs.backups import BackupsProps, SiteBackups
from payment_dr.infra.constructs.database import DatabaseProps, SiteDatabase
from payment_dr.infra.constructs.evidence import EvidenceProps, SiteEvidence
from payment_dr.infra.constructs.keys import KeysProps, SiteKeys
from payment_dr.infra.constructs.network import NetworkProps, SiteNetwork
from payment_dr.infra.place import Place

# isort: split
from cdktn import TerraformStack


def ground(place: Place) -> StackJson:
    """The JSON of a stack with the five constructs."""

    def build(stack: TerraformStack) -> None:
        keys = SiteKeys(stack, "keys", KeysProps(place=place))
        network = SiteNetwork(stack, "network", NetworkProps(place=place, keys=keys))
        database = SiteDatabase(
            stack, "database", DatabaseProps(place=place, network=network, keys=keys)
        )
        SiteBackups(stack, "backups", BackupsProps(place=place, database=database, keys=keys))
        SiteEvidence(stack, "evidence", EvidenceProps(place=place, keys=keys))

    return synthesize_at(place, build)
