"""The blocks of a Terraform file in native syntax; expressions stay text, nothing is evaluated.

That is all that lifecycles, backends and module sources need, and a hundred times faster than a
full grammar in Python. The syntax: https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from payment_dr.core.errors import PaymentDrError

DEPTH_MAX: Final = 100
"""Most blocks, brackets or interpolations one inside another."""

_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\r\ufeff]+ | \#[^\n]* | //[^\n]* | /\*.*?\*/)
    | (?P<newline>\n)
    | (?P<heredoc><<-?([A-Za-z_][\w-]*)\r?\n(?:.*?\n)??[ \t]*\4(?=\s|$))
    | (?P<quote>")
    | (?P<open>[{(\[])
    | (?P<close>[})\]])
    | (?P<word>[A-Za-z_][\w-]*)
    | (?P<equals>=(?![=>]))
    | (?P<other>==|=>|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_STRING: Final = re.compile(r'\\.|\$\$\{|%%\{|\$\{|%\{|"', re.DOTALL)
_IN_BRACES: Final = re.compile(r'["{}]')


class HclError(PaymentDrError):
    """A file is no Terraform configuration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """`kind "label" { attributes and blocks }`; attributes hold the text of their expression."""

    kind: str
    labels: tuple[str, ...]
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    blocks: list["Block"] = field(default_factory=list["Block"])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def parse(source: str) -> Block:
    """The file as a block without kind or labels.

    Raises:
        HclError: brackets or quotes do not match, with the line.
    """
    tokens = list(_tokens(source))
    root = Block(kind="", labels=())
    open_blocks = [root]
    place = 0
    while place < len(tokens):
        token = tokens[place]
        match token.kind:
            case "word":
                place = _item(tokens, place, open_blocks)
            case "newline":
                place += 1
            case "close" if token.text == "}" and len(open_blocks) > 1:
                open_blocks.pop()
                place += 1
            case _:
                raise HclError(f"line {token.line}: {token.text!r} starts no block or argument")
    if len(open_blocks) > 1:
        raise HclError(f"block {open_blocks[-1].kind} is not closed")
    return root


def _item(tokens: list[_Token], place: int, open_blocks: list[Block]) -> int:
    """Read an attribute, or the head of a block, which is then open; where to go on."""
    name = tokens[place]
    place += 1
    if place < len(tokens) and tokens[place].kind == "equals":
        end = _end_of_expression(tokens, place + 1)
        text = " ".join(token.text for token in tokens[place + 1 : end])
        open_blocks[-1].attributes[name.text] = text
        return end
    labels: list[str] = []
    while place < len(tokens) and tokens[place].kind in ("word", "string"):
        labels.append(tokens[place].text.strip('"'))
        place += 1
    if place == len(tokens) or tokens[place].text != "{" or len(open_blocks) > DEPTH_MAX:
        raise HclError(f"line {name.line}: {name.text!r} is neither a block nor an argument")
    block = Block(kind=name.text, labels=tuple(labels))
    open_blocks[-1].blocks.append(block)
    open_blocks.append(block)
    return place + 1


def _end_of_expression(tokens: list[_Token], place: int) -> int:
    """Where an expression ends: at a newline, or at the end of its block, outside brackets."""
    depth = 0
    while place < len(tokens):
        token = tokens[place]
        if token.kind == "open":
            depth += 1
        elif depth == 0 and (token.kind == "newline" or token.text == "}"):
            break
        elif token.kind == "close":
            depth -= 1
        place += 1
    return place


def _tokens(source: str) -> Iterator[_Token]:
    """Tokens without spaces and comments; a string with its interpolations is one."""
    place, line = 0, 1
    while (matched := _TOKEN.match(source, place)) is not None:
        kind, end = matched.lastgroup or "", matched.end()
        if kind == "quote":
            kind, end = "string", _end_of_string(source, end, line)
        text = source[place:end]
        if kind != "space":
            yield _Token(kind=kind, text=text, line=line)
        line += text.count("\n")
        place = end


def _end_of_string(source: str, place: int, line: int) -> int:
    """The place after the closing quote; interpolations may hold strings of their own.

    `inside` is the stack of what is open: a string, or the braces of an interpolation.
    """
    inside = ['"']
    while inside:
        pattern = _IN_STRING if inside[-1] == '"' else _IN_BRACES
        matched = pattern.search(source, place)
        if matched is None or len(inside) > DEPTH_MAX:
            raise HclError(f"line {line}: a string is not closed")
        place = matched.end()
        match matched[0]:
            case "${" | "%{" | "{":
                inside.append("{")
            case '"' if inside[-1] == "{":
                inside.append('"')
            case '"' | "}":
                inside.pop()
            case _:
                pass  # an escape
    return place
