"""Backups that outlive a deleted ledger and a lost region: daily, kept, copied to the other site.

Replication repeats a deletion within a second; these do not. Each vault has its region's own key,
under which copies from the other site are encrypted anew.

AWS Backup must be opted in to Aurora in both regions, an account's own setting that the deployment
leaves alone; backup verification finds it missing within a day.
"""

from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.backup_plan import (
    BackupPlan,
    BackupPlanRule,
    BackupPlanRuleCopyAction,
    BackupPlanRuleCopyActionLifecycle,
    BackupPlanRuleLifecycle,
)
from cdktn_provider_aws.backup_selection import BackupSelection
from cdktn_provider_aws.backup_vault import BackupVault
from cdktn_provider_aws.backup_vault_lock_configuration import BackupVaultLockConfiguration
from cdktn_provider_aws.backup_vault_policy import BackupVaultPolicy
from cdktn_provider_aws.iam_role import IamRole
from cdktn_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment
from constructs import Construct

from payment_dr.infra.constructs.database import SiteDatabase
from payment_dr.infra.constructs.keys import SiteKeys
from payment_dr.infra.constructs.policies import Effect, PolicyStatement, policy, trust
from payment_dr.infra.place import Place

VAULT: Final = "backups"
"""The vault is called `Place.name` of this, at both sites."""

_AT_HOME: Final = "cron(0 10 * * ? *)"
_AT_PEER: Final = "cron(0 12 * * ? *)"
"""Daily in UTC; hours away from the cluster's own backup and maintenance."""

_START_MIN: Final = 60
_COMPLETE_MIN: Final = 480
_GRACE_DAYS: Final = 3
"""Days in which a lock can still be taken back; the shortest that AWS offers."""
_MANAGED_POLICY: Final = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupsProps:
    """What is backed up, and with which key."""

    place: Place
    database: SiteDatabase
    keys: SiteKeys


class SiteBackups(Construct):
    """Vault, plan, selection and role; a lock if settings ask for it.

    Attributes:
        vault_name: the vault.
        vault_arn: its ARN.
    """

    def __init__(self, scope: Construct, construct_id: str, props: BackupsProps) -> None:
        super().__init__(scope, construct_id)
        place = props.place
        vault = self._vault(props)
        plan = BackupPlan(self, "plan", name=place.name(VAULT), rule=[_daily(place, vault.name)])
        BackupSelection(
            self,
            "selection",
            name=place.name("ledger"),
            plan_id=plan.id,
            iam_role_arn=self._role(place),
            resources=[props.database.cluster_arn],
        )
        self.vault_name: str = vault.name
        self.vault_arn: str = vault.arn

    def _vault(self, props: BackupsProps) -> BackupVault:
        deployment = props.place.settings.deployment
        vault = BackupVault(
            self,
            "vault",
            name=props.place.name(VAULT),
            kms_key_arn=props.keys.data_arn,
            force_destroy=False,
        )
        BackupVaultPolicy(
            self,
            "policy",
            backup_vault_name=vault.name,
            policy=_admits_copies(deployment.account_id),
        )
        if deployment.vault_lock:
            BackupVaultLockConfiguration(
                self,
                "lock",
                backup_vault_name=vault.name,
                changeable_for_days=_GRACE_DAYS,
                min_retention_days=deployment.backup_retention_days,
                max_retention_days=deployment.backup_retention_days,
            )
        return vault

    def _role(self, place: Place) -> str:
        role = IamRole(
            self,
            "role",
            name=place.name(VAULT),
            assume_role_policy=trust("backup.amazonaws.com"),
        )
        IamRolePolicyAttachment(self, "role-policy", role=role.name, policy_arn=_MANAGED_POLICY)
        return role.arn


def peer_vault_arn(place: Place) -> str:
    """ARN of the other site's vault, known before it exists."""
    name = place.settings.resource(VAULT, place.peer.name)
    return place.arn("backup", f"backup-vault:{name}", region=place.peer.region)


def _daily(place: Place, vault: str) -> BackupPlanRule:
    days = place.settings.deployment.backup_retention_days
    return BackupPlanRule(
        rule_name="daily",
        target_vault_name=vault,
        schedule=_AT_HOME if place.is_home else _AT_PEER,
        schedule_expression_timezone="Etc/UTC",
        start_window=_START_MIN,
        completion_window=_COMPLETE_MIN,
        enable_continuous_backup=False,  # the cluster itself keeps every second
        lifecycle=BackupPlanRuleLifecycle(
            delete_after=days, opt_in_to_archive_for_supported_resources=False
        ),
        copy_action=[
            BackupPlanRuleCopyAction(
                destination_vault_arn=peer_vault_arn(place),
                lifecycle=BackupPlanRuleCopyActionLifecycle(
                    delete_after=days, opt_in_to_archive_for_supported_resources=False
                ),
            )
        ],
    )


def _admits_copies(account: str) -> str:
    """Copies come from this account alone, and nobody deletes what has not expired."""
    return policy(
        PolicyStatement(
            sid="Copies",
            actions=("backup:CopyIntoBackupVault",),
            resources=("*",),
            principal={"AWS": f"arn:aws:iam::{account}:root"},
        ),
        PolicyStatement(
            sid="Keep",
            actions=("backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"),
            resources=("*",),
            principal={"AWS": "*"},
            effect=Effect.DENY,
        ),
    )
