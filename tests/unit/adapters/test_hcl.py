"""Native syntax: what separates blocks from text that looks like them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_dr.adapters.hcl import DEPTH_MAX, Block, HclError, parse

TRICKY = r"""
# resource "a" "comment" {
// }
/* resource "a" "comment" { */
resource "a" "b" {
  quoted  = "a ${lookup({ "k" = "}" }, "k")} $${no} %%{no} \" # no comment" # a comment
  percent = "%{ if true }}%{ endif }"
  heredoc = <<-EOT
    } "unclosed ${a}
    EOT
  object  = { a = 1
    b = [1, 2]
  }
  compare = x == y && x >= 1 || !z
  each    = [for k, v in m : k => v if v != 2]
  empty   = <<EOT
EOT
  lifecycle { ignore_changes = [one, tags["x"]] }
}
variable x { default = "1" }
"""


def test_blocks_and_arguments_are_told_from_text() -> None:
    resource, variable = parse(TRICKY).blocks
    assert (resource.kind, resource.labels) == ("resource", ("a", "b"))
    assert list(resource.attributes) == [
        "quoted",
        "percent",
        "heredoc",
        "object",
        "compare",
        "each",
        "empty",
    ]
    assert resource.attributes["compare"] == "x == y & & x > = 1 | | ! z"
    assert resource.attributes["percent"] == '"%{ if true }}%{ endif }"'
    assert resource.blocks == [
        Block(
            kind="lifecycle",
            labels=(),
            attributes={"ignore_changes": '[ one , tags [ "x" ] ]'},
        )
    ]
    assert (variable.labels, variable.attributes) == (("x",), {"default": '"1"'})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('a = "open', "line 1: a string is not closed"),
        ('a = "${open"', "line 1: a string is not closed"),
        ('a = "' + "${" * (DEPTH_MAX + 1) + "}" * (DEPTH_MAX + 1) + '"', "a string is not closed"),
        ("a {\n b {\n }\n", "block a is not closed"),
        ("a {\n}\n}", "line 3: '}' starts no block or argument"),
        ("\n= 1", "line 2: '=' starts no block or argument"),
        ("word", "line 1: 'word' is neither a block nor an argument"),
        ("word [", "line 1: 'word' is neither a block nor an argument"),
        ("a {\n" * (DEPTH_MAX + 1), "'a' is neither a block nor an argument"),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_line(source: str, message: str) -> None:
    with pytest.raises(HclError, match=message.replace("[", r"\[")):
        parse(source)


def test_an_expression_may_end_with_the_file() -> None:
    assert parse("a = [1, 2]").attributes == {"a": "[ 1 , 2 ]"}
    assert parse("\ufeffa = 1\r\nb = 2").attributes == {"a": "1", "b": "2"}


@given(st.text(alphabet='ab="{}[]()\n#/*<$%\\ -', max_size=60))
def test_any_text_is_read_or_refused(source: str) -> None:
    with contextlib.suppress(HclError):
        parse(source)
