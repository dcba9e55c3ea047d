"""The payments table: every acknowledged payment is in two of three regions before its answer.

Facts of multi-Region strong consistency (MRSC) that this file rests on:

- A replica in each site's region and a witness in the third; the mode is fixed when the still
  empty table becomes global, and there is no time to live, no transaction and no local index
  (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html).
- Customer keys are taken, one of each replica's own region, and all replicas must have the same
  kind of key; the witness holds no data and takes none
  (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/globaltables-security.html; the
  provider's acceptance test `TestAccDynamoDBTable_Replica_MRSC_witness_doubleAddCMK`,
  https://github.com/hashicorp/terraform-provider-aws/pull/43908). A replica whose key is out of
  reach for seven days is lost for good: the keys' deletion takes thirty.
- The mode is set by the `replica` block: `aws_dynamodb_table_replica` does not know it
  (https://github.com/hashicorp/terraform-provider-aws/issues/48672).
"""

from dataclasses import dataclass
from typing import Final

from cdktn import TerraformResourceLifecycle
from cdktn_provider_aws.dynamodb_table import (
    DynamodbTable,
    DynamodbTableAttribute,
    DynamodbTableGlobalSecondaryIndex,
    DynamodbTableGlobalSecondaryIndexKeySchema,
    DynamodbTableGlobalTableWitness,
    DynamodbTablePointInTimeRecovery,
    DynamodbTableReplica,
    DynamodbTableServerSideEncryption,
)
from constructs import Construct

from payment_dr.adapters.record_items import (
    KEY,
    OPEN_INDEX,
    OPEN_KEY,
    UNCONFIRMED_INDEX,
    UNCONFIRMED_KEY,
)
from payment_dr.infra.place import Place

THING: Final = "table"
"""The table is `Settings.resource(THING)` in every region."""

_RECOVERY_DAYS: Final = 35


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentsTableProps:
    """Both places, and the key for data of each one's region."""

    home: Place
    peer: Place
    home_key_arn: str
    peer_key_arn: str


class PaymentsTable(Construct):
    """The table with its replica and witness.

    Attributes:
        name: the same in both sites.
        arn: of the replica at home.
    """

    def __init__(self, scope: Construct, construct_id: str, props: PaymentsTableProps) -> None:
        super().__init__(scope, construct_id)
        home = props.home
        table = DynamodbTable(
            self,
            "table",
            name=home.shared(THING),
            billing_mode="PAY_PER_REQUEST",
            table_class="STANDARD",
            hash_key=KEY,
            attribute=_attributes(),
            global_secondary_index=[
                _index(UNCONFIRMED_INDEX, UNCONFIRMED_KEY),
                _index(OPEN_INDEX, OPEN_KEY),
            ],
            replica=[_replica(props)],
            global_table_witness=DynamodbTableGlobalTableWitness(
                region_name=home.settings.witness_region
            ),
            server_side_encryption=DynamodbTableServerSideEncryption(
                enabled=True, kms_key_arn=props.home_key_arn
            ),
            point_in_time_recovery=DynamodbTablePointInTimeRecovery(
                enabled=True, recovery_period_in_days=_RECOVERY_DAYS
            ),
            deletion_protection_enabled=True,
            region=home.site.region,
            # The records are the truth of which the ledger is made: no plan may delete them.
            lifecycle=TerraformResourceLifecycle(prevent_destroy=True),
        )
        self.name: str = table.name
        self.arn: str = table.arn


def _attributes() -> list[DynamodbTableAttribute]:
    """Only keys are declared; whatever else a record has is the record's own matter."""
    return [
        DynamodbTableAttribute(name=KEY, type="S"),
        DynamodbTableAttribute(name=UNCONFIRMED_KEY, type="N"),
        DynamodbTableAttribute(name=OPEN_KEY, type="N"),
    ]


def _index(name: str, key: str) -> DynamodbTableGlobalSecondaryIndex:
    """Sparse, by shard: an item is in it only while it has the key."""
    return DynamodbTableGlobalSecondaryIndex(
        name=name,
        key_schema=[
            DynamodbTableGlobalSecondaryIndexKeySchema(attribute_name=key, key_type="HASH"),
            DynamodbTableGlobalSecondaryIndexKeySchema(attribute_name=KEY, key_type="RANGE"),
        ],
        projection_type="KEYS_ONLY",
    )


def _replica(props: PaymentsTableProps) -> DynamodbTableReplica:
    return DynamodbTableReplica(
        region_name=props.peer.site.region,
        consistency_mode="STRONG",
        kms_key_arn=props.peer_key_arn,
        point_in_time_recovery=True,
        deletion_protection_enabled=True,
        propagate_tags=True,
    )
