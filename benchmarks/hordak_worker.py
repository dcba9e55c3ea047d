"""django-hordak for ledger_peer.py, run by the Python of `.venv/peers`, which has nothing of ours.

Argument: JSON with the database's host, port, user, password, name and the worker's number. Says
"ready", then for each line with a number makes so many transactions and says the seconds. One of
the workers makes the schema and the accounts before the others start.
"""

import json
import sys
import time
import uuid
from importlib import import_module
from typing import Any, Final

AMOUNT: Final = "12.50"
ACCOUNTS: Final = ({"name": "receivable", "type": "AS"}, {"name": "payable", "type": "LI"})


def set_up(database: dict[str, Any]) -> None:
    """Django with what hordak needs, and nothing else that would cost time."""
    import_module("django.conf").settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "mptt", "hordak"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                **{part.upper(): value for part, value in database.items()},
                "CONN_MAX_AGE": None,
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DEFAULT_CURRENCY="EUR",
        CURRENCIES=["EUR"],
        HORDAK_CURRENCIES=["EUR"],
        USE_TZ=True,
        TIME_ZONE="UTC",
    )
    import_module("django").setup()


def main() -> None:
    given = json.loads(sys.argv[1])
    number = given.pop("number")
    set_up(given)
    core: Any = import_module("hordak.models")
    money = import_module("moneyed").Money(AMOUNT, "EUR")
    if number == 0:
        import_module("django.core.management").call_command("migrate", verbosity=0)
        for account in ACCOUNTS:
            core.Account.objects.create(currencies=["EUR"], **account)
    receivable = core.Account.objects.get(name="receivable")
    payable = core.Account.objects.get(name="payable")
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        for _ in range(int(line)):
            # What its documentation recommends; the caller's id goes into the description.
            payable.transfer_to(receivable, money, description=str(uuid.uuid4()))
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main()
