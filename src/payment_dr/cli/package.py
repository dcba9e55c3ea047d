"""`payment-dr package`: build the zip that every function of both sites runs."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import Struct
from rich.table import Table

from payment_dr.cli.stacks import say_unless_compiled
from payment_dr.cli.talk import as_json
from payment_dr.infra.package import FunctionPackage, build
from payment_dr.report.terminal import console

_SHOWN: Final = 12


class PackageReport(Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    path: str
    sha256: str
    source_code_hash: str
    size_bytes: int
    compiled: bool
    files: tuple[str, ...]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command(
        "package",
        epilog="Examples: payment-dr package; payment-dr package --out functions.zip --json",
    )(package)


def package(
    out: Annotated[Path, typer.Option(help="Where to put the zip.")] = Path("dist/functions.zip"),
    json: Annotated[
        bool, typer.Option("--json", help="Print hash, size and every file as JSON.")
    ] = False,
) -> None:
    """Build the function package: the same bytes each time, for Lambda on arm64."""
    sys.stderr.write("package: installing the locked packages for Lambda on arm64\n")
    built = build(out)
    say_unless_compiled(built)
    if json:
        report = PackageReport(
            path=str(built.path),
            sha256=built.sha256,
            source_code_hash=built.source_code_hash,
            size_bytes=built.size_bytes,
            compiled=built.compiled,
            files=built.files,
        )
        sys.stdout.write(as_json(report))
    else:
        console(sys.stdout).print(_contents(built))
        form = "compiled" if built.compiled else "not compiled"
        sys.stdout.write(
            f"{built.path}\n{built.size_bytes / 1e6:.1f} MB, {len(built.files)} files, {form}\n"
            f"sha256 {built.sha256}\n"
        )


def _contents(built: FunctionPackage) -> Table:
    """The packages in it, those with most files first."""
    counts = Counter(path.partition("/")[0] for path in built.files if "dist-info" not in path)
    table = Table("contents", "files")
    for name, count in counts.most_common(_SHOWN):
        table.add_row(name, str(count))
    rest = counts.total() - sum(count for _, count in counts.most_common(_SHOWN))
    table.add_row("others", str(rest))
    return table
