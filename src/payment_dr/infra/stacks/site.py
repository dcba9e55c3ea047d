"""A site: all that takes payments, keeps the ledger, watches and moves, in one region.

It refers to nothing of the other site and of the shared stacks but by name, so it can be planned
and applied while the other region is away.
"""

from cdktn import TerraformStack
from constructs import Construct

from payment_dr.adapters.function_call import ALIAS
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.infra.constructs.api import ApiProps, SiteApi
from payment_dr.infra.constructs.backups import BackupsProps, SiteBackups
from payment_dr.infra.constructs.database import DatabaseProps, SiteDatabase
from payment_dr.infra.constructs.evidence import EvidenceProps, SiteEvidence
from payment_dr.infra.constructs.function import CodePackage
from payment_dr.infra.constructs.functions import FunctionsProps, SiteFunctions
from payment_dr.infra.constructs.keys import KeysProps, SiteKeys
from payment_dr.infra.constructs.monitoring import MonitoringProps, SiteMonitoring
from payment_dr.infra.constructs.network import NetworkProps, SiteNetwork
from payment_dr.infra.constructs.recovery import RecoveryProps, SiteRecovery
from payment_dr.infra.constructs.schedules import SchedulesProps, SiteSchedules
from payment_dr.infra.function_variables import LedgerEndpoints
from payment_dr.infra.package import FunctionPackage
from payment_dr.infra.permission_parts import KeyArns, LedgerIds
from payment_dr.infra.place import Place
from payment_dr.infra.stacks.base import output, site_base
from payment_dr.recovery.state_machine import definition, input_from_alarm


def site_stack(scope: Construct, place: Place, package: FunctionPackage) -> TerraformStack:
    """The stack of a site, under the site's name."""
    stack = site_base(scope, place.site.name, place)
    keys = SiteKeys(stack, "keys", KeysProps(place=place))
    network = SiteNetwork(stack, "network", NetworkProps(place=place, keys=keys))
    database = SiteDatabase(
        stack, "database", DatabaseProps(place=place, network=network, keys=keys)
    )
    backups = SiteBackups(stack, "backups", BackupsProps(place=place, database=database, keys=keys))
    evidence = SiteEvidence(stack, "evidence", EvidenceProps(place=place, keys=keys))
    functions = SiteFunctions(
        stack,
        "functions",
        FunctionsProps(
            place=place,
            package=CodePackage(path=str(package.path), source_code_hash=package.source_code_hash),
            subnet_ids=network.application_subnet_ids,
            security_group_id=network.function_group_id,
            keys=KeyArns(data=keys.data_arn, messages=keys.messages_arn),
            logs_key_arn=keys.logs_arn,
            ledger=LedgerEndpoints(
                proxy=database.proxy_endpoint,
                writer=database.endpoint,
                reader=database.reader_endpoint,
                port=database.port,
            ),
            ledger_ids=LedgerIds(
                cluster=database.cluster_resource_id, proxy=database.proxy_resource_id
            ),
        ),
    )
    output(stack, "VpcId", network.vpc_id, "The site's network")
    output(stack, "ClusterIdentifier", database.cluster_identifier, "The ledger's cluster here")
    output(stack, "GlobalClusterIdentifier", place.shared("global"), "The global cluster")
    output(stack, "LedgerEndpoint", database.endpoint, "Writer's endpoint of the cluster here")
    output(stack, "LedgerReaderEndpoint", database.reader_endpoint, "Readers' endpoint")
    output(stack, "ProxyEndpoint", database.proxy_endpoint, "Proxy before the cluster's writer")
    output(stack, "BackupVaultName", backups.vault_name, "Backups, and copies of the other site's")
    output(stack, "EvidenceBucket", evidence.bucket, "Evidence of moves and drills")
    output(stack, "DeadLettersName", functions.dead_letters_name, "Queue of calls that failed")
    for function in FUNCTIONS:
        word = "".join(part.capitalize() for part in function.name.split("-"))
        output(stack, f"{word}FunctionName", place.name(function.name), function.purpose)
    _operation(stack, place, keys, functions)
    return stack


def _operation(
    stack: TerraformStack, place: Place, keys: SiteKeys, functions: SiteFunctions
) -> None:
    """What calls the functions, what watches them, and what moves."""
    api = SiteApi(
        stack,
        "api",
        ApiProps(place=place, logs_key_arn=keys.logs_arn, callee=functions.callee("api")),
    )
    monitoring = SiteMonitoring(
        stack,
        "monitoring",
        MonitoringProps(place=place, api_id=api.api_id, messages_key_arn=keys.messages_arn),
    )
    SiteSchedules(
        stack,
        "schedules",
        SchedulesProps(
            place=place,
            aliases={
                function.name: functions.alias_arn(function.name)
                for function in FUNCTIONS
                if function.every is not None
            },
            rotation_arn=functions.function_arn("rotation"),
            dead_letters_arn=functions.dead_letters_arn,
            messages_key_arn=keys.messages_arn,
        ),
    )
    # By its name, so that a plan shows the whole machine before the function exists.
    step_function = place.arn("lambda", f"function:{place.name('recovery')}:{ALIAS}")
    paths, template = input_from_alarm(place.settings, site=place.site.name)
    recovery = SiteRecovery(
        stack,
        "recovery",
        RecoveryProps(
            place=place,
            definition=definition(place.settings, function_arn=step_function),
            start_paths=paths,
            start_template=template,
            function_arn=step_function,
            alarm_name=monitoring.peer_unhealthy_alarm_name,
            data_key_arn=keys.data_arn,
            logs_key_arn=keys.logs_arn,
            dead_letters_arn=functions.dead_letters_arn,
        ),
    )
    output(stack, "ApiId", api.api_id, "The site's HTTP API")
    output(stack, "ApiUrl", api.endpoint, "The site's own address")
    output(stack, "StateMachineArn", recovery.state_machine_arn, "Runs moves to this site")
    output(stack, "AlarmTopicArn", monitoring.topic_arn, "Where alarms go")
    output(stack, "UnhealthyAlarmName", monitoring.unhealthy_alarm_name, "This site is ill")
    output(
        stack,
        "PeerUnhealthyAlarmName",
        monitoring.peer_unhealthy_alarm_name,
        "The other site is lost and no watcher here moves",
    )
