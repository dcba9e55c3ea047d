"""The function package: the same bytes each time, and the real handlers."""

import re
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from infra.packages import for_lambda, for_this_machine
from payment_dr.cli import package as command
from payment_dr.cli.main import build as application
from payment_dr.core.errors import PaymentDrError
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.infra import package
from payment_dr.infra.package import FunctionPackage, build, installed_files, read, write
from payment_dr.infra.package_contents import SERVICES, imported, is_needed, own_files

ROOT = Path(__file__).parents[2]
SIZE_MAX_BYTES = 15_000_000
"""The figure of the design; Lambda itself takes 50 MB."""

IMPORT = """
import sys
sys.path.insert(0, sys.argv[1])
from importlib import import_module
import payment_dr
assert payment_dr.__path__[0].startswith(sys.argv[1]), payment_dr.__path__
module, name = sys.argv[2].split(":")
assert callable(getattr(import_module(module), name))
"""


@pytest.fixture(name="built", scope="module")
def fixture_built(tmp_path_factory: pytest.TempPathFactory) -> FunctionPackage:
    return for_lambda(tmp_path_factory)


@pytest.fixture(name="unpacked", scope="module")
def fixture_unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return for_this_machine(tmp_path_factory)


def test_built_twice_it_is_the_same_byte_for_byte(built: FunctionPackage, tmp_path: Path) -> None:
    again = build(tmp_path / "again.zip")
    assert again.path.read_bytes() == built.path.read_bytes()
    assert (again.sha256, again.source_code_hash) == (built.sha256, built.source_code_hash)


def test_times_and_order_of_files_do_not_change_a_byte(tmp_path: Path) -> None:
    write(tmp_path / "a.zip", {"b.py": b"2", "a.py": b"1"})
    write(tmp_path / "b.zip", {"a.py": b"1", "b.py": b"2"})
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    write(tmp_path / "c.zip", {"a.py": b"1", "b.py": b"3"})
    assert read(tmp_path / "c.zip").sha256 != read(tmp_path / "a.zip").sha256


def test_it_is_small_enough_to_start_fast(built: FunctionPackage) -> None:
    assert built.size_bytes < SIZE_MAX_BYTES


def test_compiled_parts_are_for_arm64(built: FunctionPackage) -> None:
    with zipfile.ZipFile(built.path) as archive:
        compiled = [name for name in built.files if re.search(r"\.so(\.|$)", name)]
        machines = {archive.read(name)[18:20] for name in compiled}
    assert len(compiled) > 5
    assert machines == {b"\xb7\x00"}  # EM_AARCH64, little-endian


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
def test_each_handler_is_imported_from_the_package_alone(function: Any, unpacked: Path) -> None:
    command_line = [sys.executable, "-I", "-S", "-c", IMPORT, str(unpacked), function.handler]
    result = subprocess.run(command_line, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr


def test_an_import_that_is_not_packed_is_found(unpacked: Path, tmp_path: Path) -> None:
    for entry in unpacked.iterdir():
        if entry.name != "psycopg_pool":
            (tmp_path / entry.name).symlink_to(entry)
    handler = "payment_dr.functions.poster:handler"
    command_line = [sys.executable, "-I", "-S", "-c", IMPORT, str(tmp_path), handler]
    result = subprocess.run(command_line, capture_output=True, text=True, timeout=60, check=False)
    assert "No module named 'psycopg_pool'" in result.stderr


def test_only_what_functions_need_is_in_it(built: FunctionPackage) -> None:
    for name in built.files:
        assert not name.startswith(("payment_dr/lab", "payment_dr/cli", "payment_dr/infra"))
    top = {name.partition("/")[0] for name in built.files}
    assert top.isdisjoint({"cdktn", "rich", "typer", "ministack", "bin"})
    assert top.isdisjoint({"boto3", "requests", "charset_normalizer"})
    assert not [name for name in built.files if name.endswith((".pyi", "RECORD"))]


def test_migrations_and_authorities_are_in_it(built: FunctionPackage) -> None:
    assert "payment_dr/adapters/certificates/rds.pem" in built.files
    assert "payment_dr/adapters/migrations/0001_ledger.sql" in built.files


def test_every_imported_package_is_locked() -> None:
    locked = (files("payment_dr.infra") / "functions.in").read_text()
    names = {line.partition("[")[0] for line in locked.split("\n")[1:] if line}
    known = {"dns": "dnspython"}
    beside = {
        known.get(name, name.replace("_", "-")) for name in imported()[1]
    } - sys.stdlib_module_names
    assert beside == names - {"pydantic-core"}


def test_versions_are_those_that_drills_run() -> None:
    def versions(text: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==(\S+)", text, re.MULTILINE))

    lab = versions((ROOT / "requirements" / "lab.txt").read_text())
    mine = versions((files("payment_dr.infra") / "functions.txt").read_text())
    assert mine
    assert {name: version for name, version in mine.items() if lab.get(name) != version} == {}


def test_services_whose_descriptions_are_kept_are_those_that_functions_call() -> None:
    source = "\n".join(
        content.decode() for path, content in own_files(imported()[0]).items() if path[-3:] == ".py"
    )
    called = set(re.findall(r'(?:client|_client)\(\s*(?:\w+,\s*)?"([a-z0-9-]+)"', source))
    assert called == SERVICES


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("botocore/data/dynamodb/2012-08-10/service-2.json.gz", True),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", False),
        ("botocore/data/endpoints.json", True),
        ("psycopg_binary.libs/libpq-1.so.5", True),
        ("stripe-16.1.0.dist-info/METADATA", True),
        ("stripe-16.1.0.dist-info/RECORD", False),
        ("boto3/examples/s3.rst", False),
        ("pydantic/__pycache__/main.cpython-313.pyc", False),
        ("bin/normalizer", False),
        ("requests/api.py", False),
        ("requests-2.34.2.dist-info/METADATA", False),
        ("stripe/params/_refund_create_params.py", False),
        ("stripe/_refund.py", True),
        (".lock", False),
    ],
)
def test_what_is_needed_of_an_installed_package(path: str, *, needed: bool) -> None:
    assert is_needed(path) is needed


def test_installed_files_are_told_by_their_path(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "m.py").write_bytes(b"x = 1")
    (tmp_path / "p" / "m.pyi").write_bytes(b"x: int")
    assert installed_files(tmp_path) == {"p/m.py": b"x = 1"}


def test_what_is_no_package_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"no zip")
    with pytest.raises(PaymentDrError, match=r"broken\.zip is no package"):
        read(broken)


def test_packages_that_cannot_be_installed_leave_the_old_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho 'no index answers' >&2\nexit 2\n")
    uv.chmod(0o755)
    monkeypatch.setattr(package, "_uv", lambda: str(uv))
    target = tmp_path / "functions.zip"
    target.write_bytes(b"old")
    with pytest.raises(PaymentDrError, match="no index answers"):
        build(target)
    assert target.read_bytes() == b"old"


def test_a_package_over_lambdas_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "SIZE_MAX_BYTES", 10)
    monkeypatch.setattr(package, "compiled", lambda *_: {})
    monkeypatch.setattr(package, "_install", lambda directory, _: directory.mkdir())
    with pytest.raises(PaymentDrError, match="Lambda takes 10"):
        build(tmp_path / "functions.zip")


def test_uv_is_taken_from_the_path_when_there_is_none_beside_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payment_dr.infra.package.sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PaymentDrError, match="uv is not installed"):
        build(tmp_path / "functions.zip")
    (tmp_path / "bin").mkdir()
    uv = tmp_path / "bin" / "uv"
    uv.write_text("#!/bin/sh\necho 'this one' >&2\nexit 1\n")
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(PaymentDrError, match="this one"):
        build(tmp_path / "functions.zip")


def test_the_command_prints_contents_size_and_hash(
    built: FunctionPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "build", lambda _out: built)
    runner = CliRunner()
    plain = runner.invoke(application("package"), ["package", "--out", str(tmp_path / "f.zip")])
    assert plain.exit_code == 0
    assert f"sha256 {built.sha256}" in plain.stdout
    assert "payment_dr" in plain.stdout
    as_json = runner.invoke(application("package"), ["package", "--json"])
    document = msgspec.json.decode(as_json.stdout)
    assert document["sha256"] == built.sha256
    assert document["size_bytes"] == built.size_bytes
    assert document["compiled"] is True
    assert document["files"] == list(built.files)
