"""All functions of a site: the catalogue's, from one package, each with a role of its own."""

from dataclasses import dataclass

from cdktn import AssetType, TerraformAsset
from constructs import Construct

from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.infra.constructs.dead_letters import DeadLettersProps, SiteDeadLetters
from payment_dr.infra.constructs.function import (
    Callee,
    CodePackage,
    SiteFunction,
    SiteFunctionProps,
    Surroundings,
)
from payment_dr.infra.function_variables import LedgerEndpoints
from payment_dr.infra.permission_parts import KeyArns, LedgerIds
from payment_dr.infra.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionsProps:
    """Where functions run and what they run.

    `package` names the zip itself, by its absolute path; the stack keeps a copy beside it.
    """

    place: Place
    package: CodePackage
    subnet_ids: list[str]
    security_group_id: str
    keys: KeyArns
    logs_key_arn: str
    ledger: LedgerEndpoints
    ledger_ids: LedgerIds


class SiteFunctions(Construct):
    """Every function of the catalogue.

    Attributes:
        dead_letters_arn: queue of calls that failed.
        dead_letters_name: its name.
    """

    def __init__(self, scope: Construct, construct_id: str, props: FunctionsProps) -> None:
        super().__init__(scope, construct_id)
        letters = SiteDeadLetters(
            self,
            "dead-letters",
            DeadLettersProps(place=props.place, key_arn=props.keys.messages),
        )
        zipped = TerraformAsset(self, "package", path=props.package.path, type=AssetType.FILE)
        around = Surroundings(
            place=props.place,
            package=CodePackage(path=zipped.path, source_code_hash=props.package.source_code_hash),
            subnet_ids=props.subnet_ids,
            security_group_id=props.security_group_id,
            keys=props.keys,
            logs_key_arn=props.logs_key_arn,
            dead_letters_arn=letters.queue_arn,
            ledger=props.ledger,
            ledger_ids=props.ledger_ids,
        )
        self._made = {
            function.name: SiteFunction(
                self, function.name, SiteFunctionProps(function=function, around=around)
            )
            for function in FUNCTIONS
        }
        self.dead_letters_arn: str = letters.queue_arn
        self.dead_letters_name: str = letters.queue_name

    def function_arn(self, name: str) -> str:
        """ARN of the function without a version; KeyError if the catalogue lacks it."""
        return self._made[name].function_arn

    def alias_arn(self, name: str) -> str:
        """ARN of its alias `live`, which callers name."""
        return self.callee(name).alias_arn

    def callee(self, name: str) -> Callee:
        """The alias in every form that callers need."""
        return self._made[name].callee
