"""Where talk goes: a console that is plain without a terminal."""

from typing import TextIO

from rich.console import Console

PLAIN_COLUMNS = 100


def console(stream: TextIO) -> Console:
    """A console on a stream; without a terminal it has no colour and 100 columns."""
    terminal = stream.isatty()
    return Console(
        file=stream,
        force_terminal=terminal,
        width=None if terminal else PLAIN_COLUMNS,
        highlight=False,
        markup=False,
    )
