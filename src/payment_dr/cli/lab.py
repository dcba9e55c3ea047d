"""`payment-dr lab up|deploy|status|alarms|down`: a lab to try things in, and to deploy into."""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from payment_dr.adapters.settings_file import example, load
from payment_dr.cli import lab_alarms
from payment_dr.core.settings import Settings
from payment_dr.lab.detached import end_detached, serve, start_detached
from payment_dr.lab.errors import LabError
from payment_dr.lab.http_call import call_json
from payment_dr.lab.registry import DEFAULT_NAME, LabRecord, user_registry
from payment_dr.lab.supervisor import Lab

_STATUS_TIMEOUT_S: Final = 10.0
_OUTPUTS: Final = Path("cfn-outputs")

Name = Annotated[str, typer.Option(help="Name of the lab; several may run side by side.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    lab = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Run the two sites on this machine, without a drill, to try things.",
        epilog="Start with: payment-dr lab up",
    )
    lab.command("up", epilog="Example: payment-dr lab up --name mine --json")(up)
    lab.command("deploy", epilog="Example: payment-dr lab up --empty && payment-dr lab deploy")(
        deploy
    )
    lab.command("status", epilog="Example: payment-dr lab status --json")(status)
    lab.command("alarms", epilog=lab_alarms.EPILOG)(lab_alarms.alarms)
    lab.command("down", epilog="Example: payment-dr lab down --name mine")(down)
    app.add_typer(lab, name="lab")


def up(
    name: Name = DEFAULT_NAME,
    settings: Annotated[
        Path | None,
        typer.Option(
            help="TOML file; the development example if absent, with --empty that of a rehearsal."
        ),
    ] = None,
    empty: Annotated[
        bool,
        typer.Option(
            "--empty", help="Without resources, schema and functions: for payment-dr lab deploy."
        ),
    ] = False,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay, and end the lab with Ctrl-C.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start a lab, wait until both sites take payments, and print where everything is.

    Running labs are recorded in $XDG_RUNTIME_DIR/payment-dr, or in payment-dr-<uid> in the
    directory for temporary files.
    """
    usual = example("rehearsal" if empty else "development")
    wanted = usual if settings is None else load(settings)
    registry = user_registry()
    registry.forget_stale()
    running = registry.get(name)
    if running is not None:
        raise LabError(
            f"a lab named {name!r} runs already, in {running.directory}",
            remedy=f"payment-dr lab down --name {name}, or give another --name",
        )
    if foreground:
        lab = Lab(wanted, empty=empty, progress=_say)
        serve(lab, name, registry, lambda: _show(lab.status(), wanted, as_json=as_json))
        return
    record = start_detached(wanted, name, registry, _say, empty=empty)
    _show(_status_of(record), wanted, as_json=as_json)


def deploy(
    name: Name = DEFAULT_NAME,
    out: Annotated[
        Path, typer.Option(help="Directory for flat-outputs.json and lab-endpoints.json.")
    ] = _OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Deploy into a lab that was started with --empty: the real stacks, by the real engine.

    The lab then runs what was deployed. What failed is continued by running it again.
    """
    registry = user_registry()
    record = registry.get(name)
    if record is None or not record.alive:
        raise LabError(
            f"no lab named {name!r} runs", remedy=f"payment-dr lab up --empty --name {name}"
        )
    if not _status_of(record)["bare"]:
        raise LabError(
            f"the lab {name!r} has resources of its own; only an empty one is deployed into",
            remedy="payment-dr lab up --empty --name another",
        )
    # Only this command needs what synthesizes and applies.
    deployment: Any = import_module("payment_dr.lab.deploy").LabDeployment(record.directory, _say)
    deployed = deployment.deploy(out)
    if as_json:
        _print(json.dumps(deployed.document, indent=2))
        return
    _print(f"deployed in {deployed.seconds:.0f} s")
    _print(f"outputs    {deployed.outputs}")
    _print(f"endpoints  {deployed.endpoints}")
    _print("\n# test it as a deployment on AWS is tested")
    _print(
        f"PAYMENT_DR_OUTPUTS={deployed.outputs} PAYMENT_DR_LAB_ENDPOINTS={deployed.endpoints} \\\n"
        "  pytest tests/deployment"
    )


def status(as_json: AsJson = False) -> None:
    """Show the labs that run."""
    found = {record.name: _state(record) for record in user_registry().all()}
    if as_json:
        _print(json.dumps(found, indent=2))
        return
    for name, state in found.items():
        _print(f"{name}: {_summary(state)}")
    if not found:
        _say("no lab runs; start one with: payment-dr lab up")


def down(name: Name = DEFAULT_NAME) -> None:
    """End a lab and everything it started, and clear what dead labs have left."""
    registry = user_registry()
    cleared = registry.forget_stale()
    record = registry.get(name)
    if record is not None:
        end_detached(record, registry)
        _say(f"ended lab {name}")
    elif name not in cleared:
        others = ", ".join(other.name for other in registry.all()) or "none"
        raise LabError(f"no lab named {name!r} runs; running: {others}", remedy="payment-dr lab up")
    for stale in cleared:
        _say(f"cleared lab {stale}, whose supervisor was dead")


def _state(record: LabRecord) -> dict[str, Any] | None:
    """What the lab says of itself; None when its supervisor is dead."""
    return _status_of(record) if record.alive else None


def _status_of(record: LabRecord) -> dict[str, Any]:
    state: dict[str, Any] = call_json(
        record.control_port, "GET", "/status", timeout_s=_STATUS_TIMEOUT_S
    )
    return state


def _summary(state: dict[str, Any] | None) -> str:
    if state is None:
        return "dead; payment-dr lab down clears what is left"
    healthy = ", ".join(state["healthy"]) or "none"
    return f"healthy sites {healthy}; ledger written at {state['ledger']['writer']}; " + str(
        state["directory"]
    )


def _show(state: dict[str, Any], settings: Settings, *, as_json: bool) -> None:
    if as_json:
        _print(json.dumps(state, indent=2))
        return
    for what, where in _places(state, settings):
        _print(f"{what:22} {where}")
    if not state["merchant_keys"]:
        _print("\n# nothing is deployed yet")
        _print("payment-dr lab deploy")
        return
    _print("\n# take a payment, at the site that DNS names while nothing is wrong")
    _print(_example(state, settings))


def _places(state: dict[str, Any], settings: Settings) -> list[tuple[str, str]]:
    addresses = state["addresses"]
    port = addresses["api_port"]
    return [
        *((f"API {site}", f"http://{ip}:{port}") for site, ip in addresses["link_address"].items()),
        (f"DNS {settings.dns.name}", f"127.0.0.1:{addresses['dns_port']} (udp, tcp)"),
        *(
            (f"AWS {region}", f"http://127.0.0.1:{port}")
            for region, port in addresses["aws_port"].items()
        ),
        *(
            (f"PostgreSQL {site}", f"127.0.0.1:{port} database ledger")
            for site, port in addresses["postgres_port"].items()
        ),
        ("network control", f"http://127.0.0.1:{addresses['network_control_port']}/links"),
        ("lab control", f"http://127.0.0.1:{addresses['control_port']}/status"),
        ("logs and events", state["directory"]),
    ]


def _example(state: dict[str, Any], settings: Settings) -> str:
    addresses = state["addresses"]
    url = f"http://{addresses['link_address'][settings.home]}:{addresses['api_port']}"
    key = next(iter(state["merchant_keys"].values()))
    return (
        f"curl -s {url}/v1/payments -H 'Authorization: Bearer {key}' \\\n"
        "  -H 'Idempotency-Key: order-1' -H 'Content-Type: application/json' \\\n"
        '  -d \'{"amount": 1250, "currency": "EUR", "capture": true, '
        '"payment_method": "pm_card_visa"}\'\n'
        f"curl -s -X POST http://127.0.0.1:{addresses['control_port']}/sites/{settings.home}/kill"
    )


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
