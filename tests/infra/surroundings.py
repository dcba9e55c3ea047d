"""Stand-ins for what the constructs of a site stand on: plain strings in place of resources."""

from pathlib import Path
from typing import Final

from payment_dr.infra.constructs.function import Callee, CodePackage
from payment_dr.infra.constructs.functions import FunctionsProps
from payment_dr.infra.function_variables import LedgerEndpoints
from payment_dr.infra.permission_parts import KeyArns, LedgerIds
from payment_dr.infra.place import Place

DATA_KEY: Final = "arn:aws:kms::123456789012:key/data"
LOGS_KEY: Final = "arn:aws:kms::123456789012:key/logs"
MESSAGES_KEY: Final = "arn:aws:kms::123456789012:key/messages"
KEYS: Final = KeyArns(data=DATA_KEY, messages=MESSAGES_KEY)
DEAD_LETTERS: Final = "arn:aws:sqs::123456789012:dead-letters"
CODE_HASH: Final = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

LEDGER: Final = LedgerEndpoints(
    proxy="proxy.test", writer="writer.test", reader="reader.test", port=5432
)

LEDGER_IDS: Final = LedgerIds(cluster="cluster-ABC", proxy="prx-123")

CALLEE: Final = Callee(
    function_name="payments-api", qualifier="live", alias_arn="arn:alias", invoke_arn="arn:invoke"
)


def functions_props(place: Place, package: Path) -> FunctionsProps:
    """Functions of a place whose package is that file."""
    return FunctionsProps(
        place=place,
        package=CodePackage(path=str(package), source_code_hash=CODE_HASH),
        subnet_ids=["subnet-a", "subnet-b", "subnet-c"],
        security_group_id="sg-functions",
        keys=KEYS,
        logs_key_arn=LOGS_KEY,
        ledger=LEDGER,
        ledger_ids=LEDGER_IDS,
    )
