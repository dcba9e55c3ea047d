"""What a plan would do to things that hold data or the membership in a database that spans sites.

Pure: a plan in, findings out. What is guarded stands in two tables, `GUARDED` (nothing of these
types is destroyed, replaced or forgotten unseen) and `ATTRIBUTES` (changes in place that amount
to the same, or prepare it).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from payment_dr.lint.document import PlanDocument, ResourceChange
from payment_dr.lint.values import listed, mapping, number, text

_CLUSTER: Final = "aws_rds_cluster"
_INSTANCE: Final = "aws_rds_cluster_instance"

GUARDED: Final[Mapping[str, str]] = {
    "aws_rds_global_cluster": "the membership of both sites' clusters in one database",
    _CLUSTER: "the ledger of a site",
    "aws_dynamodb_table": "the payments and who is active",
    "aws_dynamodb_table_replica": "a site's replica of the payments",
    "aws_kms_key": "the key without which what it encrypted cannot be read",
    "aws_kms_replica_key": "a region's copy of the key that its secrets are encrypted with",
    "aws_s3_bucket": "evidence of moves and drills",
    "aws_secretsmanager_secret": "credentials that exist nowhere else",
    "aws_secretsmanager_secret_version": "credentials that exist nowhere else",
    "aws_route53_zone": "the zone, to whose name servers the parent delegates",
    "aws_backup_vault": "backups",
}
"""Type of resource: what it holds. Instances of a cluster are judged together, see `find`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Danger:
    """Something that a plan would do and that nobody should do without knowing.

    Attributes:
        address: the resource, as the override must name it.
        does: what the plan would do, e.g. `would be replaced`.
        holds: what is at stake.
    """

    address: str
    does: str
    holds: str

    def __str__(self) -> str:
        return f"{self.address} {self.does}; it holds {self.holds}"


_Judge = Callable[[object, object], bool]


def _leaves(before: object, after: object) -> bool:
    """A name that was there goes or changes."""
    return bool(before) and after != before


def _off(before: object, after: object) -> bool:
    return before is True and after is not True


def _on(before: object, after: object) -> bool:
    return before is False and after is not False


def _changes(before: object, after: object) -> bool:
    return before is not None and after != before


def _less(before: object, after: object) -> bool:
    return number(after, 0) < number(before, 0)


def _loses_a_region(before: object, after: object) -> bool:
    return bool(_regions(before) - _regions(after))


def _weakens_a_replica(before: object, after: object) -> bool:
    return _loses_a_region(before, after) or any(
        _guards(before, name) - _guards(after, name) for name in _REPLICA_GUARDS
    )


def _loses_recovery(before: object, after: object) -> bool:
    return _enabled(before) and not _enabled(after)


ATTRIBUTES: Final[Mapping[str, Mapping[str, tuple[_Judge, str]]]] = {
    "aws_rds_global_cluster": {
        "deletion_protection": (_off, "would lose its protection against deletion"),
        "force_destroy": (_on, "could from then on be destroyed with its members detached"),
    },
    _CLUSTER: {
        "global_cluster_identifier": (_leaves, "would be detached from its global cluster"),
        "replication_source_identifier": (_leaves, "would stop replicating"),
        "deletion_protection": (_off, "would lose its protection against deletion"),
        "backup_retention_period": (_less, "would lose its older backups"),
        "skip_final_snapshot": (_on, "could from then on be destroyed without a last snapshot"),
    },
    "aws_dynamodb_table": {
        "deletion_protection_enabled": (_off, "would lose its protection against deletion"),
        "replica": (_weakens_a_replica, "would lose a replica, or its protection"),
        "global_table_witness": (_loses_a_region, "would lose its witness"),
        "point_in_time_recovery": (_loses_recovery, "would lose its backups"),
    },
    "aws_kms_key": {"is_enabled": (_off, "would be disabled")},
    "aws_kms_replica_key": {"enabled": (_off, "would be disabled")},
    "aws_s3_bucket": {"force_destroy": (_on, "could from then on be destroyed with its objects")},
    "aws_backup_vault": {
        "force_destroy": (_on, "could from then on be destroyed with its backups")
    },
    "aws_secretsmanager_secret": {"replica": (_loses_a_region, "would lose a replica")},
    "aws_secretsmanager_secret_version": {
        "secret_string_wo_version": (_changes, "would get a new value"),
    },
    "aws_route53_zone": {
        "force_destroy": (_on, "could from then on be destroyed with its records")
    },
}
"""Type, argument: whether a change of it is dangerous, and what it would do.

Names are those of the resources' arguments in version 6 of the provider.
"""

_REGION_NAMES: Final = ("region_name", "region")
_REPLICA_GUARDS: Final = ("deletion_protection_enabled", "point_in_time_recovery")


def find(plan: PlanDocument) -> tuple[Danger, ...]:
    """Everything dangerous in a plan, in the plan's order.

    A single instance of a cluster may go; all the cluster's instances at once may not.
    """
    changes = [one for one in plan.resource_changes if one.mode == "managed"]
    found: list[Danger] = []
    for one in changes:
        if one.type in GUARDED:
            found += _destroys(one, GUARDED[one.type])
            found += _weakens(one)
    return (*found, *_whole_clusters(changes))


def refused(found: Iterable[Danger], allowed: Iterable[str]) -> tuple[Danger, ...]:
    """What no override names exactly."""
    named = set(allowed)
    return tuple(danger for danger in found if danger.address not in named)


def name_of(change: ResourceChange) -> str:
    """The address; what a failed replacement left over has its own, `ADDRESS/KEY`."""
    return change.address if change.deposed is None else f"{change.address}/{change.deposed}"


def does(change: ResourceChange) -> str:
    """What happens to a resource: create, change, replace, destroy, forget, or nothing."""
    match change.change.actions:
        case ["create"]:
            return "create"
        case ["update"]:
            return "change"
        case ["delete"]:
            return "destroy"
        case ["delete", "create"] | ["create", "delete"]:
            return "replace"
        case ["forget"] | ["create", "forget"]:
            return "forget"
        case _:
            return ""


def replaced_for(change: ResourceChange) -> list[str]:
    """The arguments that force a replacement, e.g. `kms_key_id`."""
    return [".".join(str(part) for part in path) for path in change.change.replace_paths]


_WORDS: Final = {
    "replace": "would be replaced by a new, empty one",
    "destroy": "would be destroyed",
    "forget": "would be forgotten: no state would know it any more",
}


def _destroys(change: ResourceChange, holds: str) -> list[Danger]:
    words = _WORDS.get(does(change))
    if words is None:
        return []
    paths = replaced_for(change)
    because = f" (because of {', '.join(paths)})" if paths else ""
    return [Danger(address=name_of(change), does=words + because, holds=holds)]


def _weakens(change: ResourceChange) -> list[Danger]:
    if does(change) != "change":
        return []
    before, after = mapping(change.change.before), mapping(change.change.after)
    return [
        Danger(address=name_of(change), does=f"{words} ({name})", holds=GUARDED[change.type])
        for name, (dangerous, words) in ATTRIBUTES.get(change.type, {}).items()
        # What is known only after the apply is absent, and so differs from anything.
        if dangerous(before.get(name), after.get(name))
    ]


def _whole_clusters(changes: Iterable[ResourceChange]) -> list[Danger]:
    """Instances of clusters of which none would be left as it is."""
    clusters: defaultdict[str, list[ResourceChange]] = defaultdict(list)
    for change in changes:
        if change.type == _INSTANCE and change.change.before is not None:
            cluster = text(mapping(change.change.before).get("cluster_identifier"))
            clusters[cluster].append(change)
    return [
        danger
        for instances in clusters.values()
        if all(_destroys(one, "") for one in instances)
        for one in instances
        for danger in _destroys(one, "a site's ledger together with the other instances")
    ]


def _regions(blocks: object) -> set[str]:
    """Regions of replica blocks."""
    return {
        region
        for block in listed(blocks)
        for name in _REGION_NAMES
        if (region := text(mapping(block).get(name)))
    }


def _guards(blocks: object, name: str) -> set[str]:
    """Regions of the replica blocks in which a protection is on."""
    return _regions([block for block in listed(blocks) if mapping(block).get(name) is True])


def _enabled(blocks: object) -> bool:
    return any(mapping(block).get("enabled") is True for block in listed(blocks))
