"""The code's SHA-256 covers what ships, so that a function and a work tree have the same."""

from importlib.resources import files

from payment_dr.adapters.code_version import code_sha256, hashed_modules
from payment_dr.infra.package_contents import imported


def test_the_hash_covers_exactly_those_modules_that_are_in_the_package_too() -> None:
    shipped, _ = imported()
    root = files("payment_dr")
    hashed = {f"payment_dr.{part}.{name.removesuffix('.py')}" for part, name in hashed_modules()}
    wanted = {
        module
        for module in shipped
        if module.split(".")[1:2] in (["core"], ["payments"], ["recovery"])
        and len(module.split(".")) == 3
        and not root.joinpath(*module.split(".")[1:]).is_dir()
    }
    assert {name for name in hashed if not name.endswith(".__init__")} == wanted


def test_it_is_a_sha256() -> None:
    assert len(code_sha256()) == 64
    assert code_sha256() == code_sha256()
