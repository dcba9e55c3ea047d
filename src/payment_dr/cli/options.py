"""Options of a command as a dataclass, so that commands share them and functions take one thing.

Typer reads a function's parameters; this gives it a function that has the fields of the dataclass
as parameters, with their annotations and defaults.
"""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar, cast, get_type_hints

import typer

T = TypeVar("T")


def add(
    app: typer.Typer, name: str, options: type[T], act: Callable[[T], None], *, epilog: str
) -> None:
    """Add a command whose options are the fields of `options`; its help is that of `act`."""
    hints = get_type_hints(options, include_extras=True)

    def command(**given: Any) -> None:
        act(options(**given))

    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(cast("Any", options))
    ]
    shown = cast("Any", command)
    shown.__signature__ = inspect.Signature(parameters)
    shown.__annotations__ = {field.name: field.annotation for field in parameters}
    shown.__doc__ = act.__doc__
    app.command(name, epilog=epilog)(command)
