"""What the commands of a deployment share: options, preparation, exit codes."""

import shlex
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from payment_dr.adapters.settings_file import load
from payment_dr.cli.talk import say
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import Settings
from payment_dr.infra.engine import Engine, EngineName, find_engine
from payment_dr.infra.engine_run import InterruptedRunError
from payment_dr.infra.package import FunctionPackage
from payment_dr.infra.synthesis import OUT, Synthesis, synthesize

SETTINGS: Final = Path("payment-dr.toml")
INTERRUPTED: Final = 130
"""Exit code, as a shell gives it."""

SettingsFile = Annotated[Path, typer.Option("--settings", help="Settings file.")]
Out = Annotated[Path, typer.Option(help="Directory of the synthesized stacks.")]
EngineChoice = Annotated[
    EngineName | None, typer.Option("--engine", help="Which engine; else the first that is there.")
]
Only = Annotated[
    str | None, typer.Option("--site", "--stack", help="Only this site or stack; touches no other.")
]
AllowDestroy = Annotated[
    list[str] | None,
    typer.Option(help="STACK:ADDRESS that holds data and may be harmed all the same."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """Options that say which environment; a command that is to be run next repeats them."""

    settings: Path
    out: Path
    engine: EngineName | None = None

    def command(self, name: str, *options: str) -> str:
        """The command line to run next."""
        own = ["--settings", str(self.settings)] if self.settings != SETTINGS else []
        own += ["--out", str(self.out)] if self.out != OUT else []
        own += ["--engine", self.engine] if self.engine is not None else []
        return shlex.join(["payment-dr", name, *options, *own])


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """Settings, their synthesis, and the engine for it."""

    settings: Settings
    synthesis: Synthesis
    engine: Engine


def prepare(where: Where) -> Prepared:
    """Read, find, check, build and synthesize, said on stderr.

    Raises:
        PaymentDrError: one of them cannot be had.
    """
    settings = load(where.settings)
    engine = find_engine(where.engine)
    say(
        f"environment {settings.environment_suffix}, account {settings.deployment.account_id}, "
        f"engine {engine}"
    )
    say("building the function package and the stacks")
    synthesis = synthesize(settings, where.out)
    say_unless_compiled(synthesis.package)
    return Prepared(settings=settings, synthesis=synthesis, engine=engine)


def say_unless_compiled(package: FunctionPackage) -> None:
    """Functions start later from a package whose modules Lambda has to compile each time."""
    if not package.compiled:
        why = package.why_not_compiled
        say(f"the package's modules are not compiled, so functions start later: {why}")


@contextmanager
def failing() -> Generator[None]:
    """Errors of the work itself end with 1, an interruption with 130."""
    try:
        yield
    except PaymentDrError as error:
        say(f"error: {error}")
        interrupted = isinstance(error, InterruptedRunError)
        raise typer.Exit(INTERRUPTED if interrupted else 1) from error
