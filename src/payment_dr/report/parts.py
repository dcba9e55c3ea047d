"""What every page is made of: the document around it, tables and chips. Nothing is fetched."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from payment_dr.report.style import CSS

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def document(title: str, sections: Iterable[str]) -> str:
    """A self-contained page; its sections are HTML already."""
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{CSS}</style></head><body><main>",
            *sections,
            "</main></body></html>\n",
        ]
    )


def chip(word: str, style: str, *, big: bool = False) -> str:
    """A word in a frame; `style` is pass, fail, unknown or a series' name."""
    size = " big" if big else ""
    return f'<span class="chip {escape(style)}{size}">{escape(word)}</span>'


def table(heads: Sequence[str], rows: Sequence[tuple[str, ...]]) -> str:
    """A table; its cells are HTML already."""
    head = "".join(f"<th>{head}</th>" for head in heads)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="card"><table><tr>{head}</tr>\n{body}</table></div>'
