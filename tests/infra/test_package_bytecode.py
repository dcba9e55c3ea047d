"""Compiled modules: Lambda's Python takes them, they are current, and all that is needed is there.

What Lambda will do with them is seen in CPython 3.13 itself, as WebAssembly.
"""

import _imp
import ast
import json
import subprocess
import sys
import uuid
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pytest

from fakes.scripted_server import Scripted, ScriptedServer
from infra.packages import for_lambda, for_this_machine
from payment_dr.core.errors import PaymentDrError
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.infra import package, package_bytecode
from payment_dr.infra.package import FunctionPackage, build
from payment_dr.infra.package_bytecode import (
    CACHE_TAG,
    cached,
    compiled,
    imported_modules,
    install_compiler,
)

MAGIC: Final = (3571).to_bytes(2, "little") + b"\r\n"
"""Of CPython 3.13's bytecode: `PYC_MAGIC_NUMBER` in its `pycore_magic_number.h`."""
UNCHECKED_HASH: Final = (1).to_bytes(4, "little")

CHARGE: Final = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[3:]:
    importlib.import_module(name)
from payment_dr.adapters.stripe_provider import StripeProvider
from payment_dr.core.money import Money
from payment_dr.payments.ports import ProviderCall
from payment_dr.payments.record import Operation, OperationKind, OperationState

def call(kind, of):
    operation = Operation(
        operation_id="o", kind=kind, idempotency_key="k", fingerprint="f", amount_minor=1,
        capture=True, payment_method="pm_card_visa", state=OperationState.PENDING,
        provider_reference=None, decline_code=None, response=None, started_at=1.0, decided_at=None,
    )
    money = Money(minor_units=1, currency="EUR")
    return ProviderCall(
        payment_id="p", merchant="m", money=money, operation=operation, charge_reference=of
    )

provider = StripeProvider(lambda: "sk", timeout_s=5, url=sys.argv[2])
provider.reach()
for kind in OperationKind:
    asked = call(kind, None if kind is OperationKind.CHARGE else "pi_1")
    provider.perform(asked)
    provider.look_up(asked)
files = [getattr(module, "__file__", None) or "" for module in sys.modules.values()]
json.dump([f[len(sys.argv[1]) + 1:] for f in files if f.startswith(sys.argv[1])], sys.stdout)
"""
"""Imports every handler and moves money; prints what was loaded from the package."""

WITHOUT_SOURCES: Final = """
import { loadPyodide } from "pyodide";
const python = await loadPyodide();
python.mountNodeFS("/task", process.argv[2]);
process.stdout.write(python.runPython(`
import sys
sys.path.insert(0, "/task")
from payment_dr.core.money import Money
str(Money(minor_units=1250, currency="EUR").minor_units) + " " + Money.__module__
`));
"""


@pytest.fixture(name="built", scope="module")
def fixture_built(tmp_path_factory: pytest.TempPathFactory) -> FunctionPackage:
    return for_lambda(tmp_path_factory)


@pytest.fixture(name="unpacked", scope="module")
def fixture_unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return for_this_machine(tmp_path_factory)


def source_of(path: str) -> str:
    place = PurePosixPath(path)
    return str(place.parents[1] / (place.name.removesuffix(f".{CACHE_TAG}.pyc") + ".py"))


def test_each_compiled_file_is_of_lambdas_python_and_of_the_source_beside_it(
    built: FunctionPackage,
) -> None:
    files = [path for path in built.files if path.endswith(".pyc")]
    assert built.compiled
    assert len(files) > 400
    with zipfile.ZipFile(built.path) as archive:
        for path in files:
            header = archive.read(path)[:16]
            source = archive.read(source_of(path))
            hashed = _imp.source_hash(int.from_bytes(MAGIC, "little"), source)
            assert header == MAGIC + UNCHECKED_HASH + hashed, path


def test_whatever_handlers_and_payments_load_is_compiled(
    built: FunctionPackage, unpacked: Path
) -> None:
    money: dict[str, Any] = {
        "object": "payment_intent",
        "id": "pi_1",
        "status": "succeeded",
        "currency": "eur",
    }
    money |= {"last_payment_error": None, "cancellation_reason": None}
    found = money | {"data": [money | {"metadata": {"operation_id": "o"}}], "has_more": False}
    handlers = [function.handler.partition(":")[0] for function in FUNCTIONS]
    with ScriptedServer(Scripted(body=found)).running() as server:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", CHARGE, str(unpacked), server.url, *handlers],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert len(server.asked) > 6
    loaded = [path for path in json.loads(done.stdout) if path.endswith(".py")]
    assert len(loaded) > 400
    assert [path for path in loaded if cached(path, CACHE_TAG) not in built.files] == []


def test_the_sdks_parameters_that_are_left_out_are_for_type_checkers_only(unpacked: Path) -> None:
    def names(node: ast.AST) -> list[str]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return [name for each in node.orelse for name in names(each)]
        if isinstance(node, ast.ImportFrom):
            return [node.module or ""]
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        return [name for each in ast.iter_child_nodes(node) for name in names(each)]

    assert not (unpacked / "stripe" / "params").exists()
    sources = list((unpacked / "stripe").rglob("*.py"))
    imported = {name for path in sources for name in names(ast.parse(path.read_text()))}
    assert "stripe._util" in imported
    assert [name for name in imported if name.startswith("stripe.params")] == []
    assert names(ast.parse("try:\n  import stripe.params\nexcept E:\n  pass")) == ["stripe.params"]


def test_cpython_313_runs_what_was_compiled_and_reads_no_source(
    built: FunctionPackage, tmp_path: Path
) -> None:
    with zipfile.ZipFile(built.path) as archive:
        wanted = [p for p in built.files if p.startswith("payment_dr/") and ".pem" not in p]
        archive.extractall(tmp_path / "task", wanted)
    for source in (tmp_path / "task").rglob("*.py"):
        source.write_text("raise SystemError('the source was read')")
    (tmp_path / "run.mjs").write_text(WITHOUT_SOURCES)
    node = install_compiler(tmp_path)
    told = subprocess.run(
        [node, str(tmp_path / "run.mjs"), str(tmp_path / "task")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout == "1250 payment_dr.core.money"


def test_only_named_modules_of_the_package_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def copies(work: Path) -> str:
        (work / "sources").rename(work / "compiled")
        return CACHE_TAG

    monkeypatch.setattr(package_bytecode, "_compile", copies)
    contents = {"a/__init__.py": b"", "a/b.py": b"X = {'one', 'two'}\n", "c.py": b"", "d.txt": b""}
    found = compiled(contents, ["a", "a.b", "d", "os"])
    assert sorted(found) == [cached("a/__init__.py", CACHE_TAG), cached("a/b.py", CACHE_TAG)]


def test_modules_are_those_that_handlers_load() -> None:
    found = imported_modules()
    assert {"payment_dr.functions.api", "psycopg", "stripe._payment_intent_service"} <= set(found)
    assert "payment_dr.lab" not in found


def test_the_compiler_is_pinned_by_hash_and_names_no_registry() -> None:
    lock = (Path(package_bytecode.__file__).parent / "bytecode/package-lock.json").read_text()
    found = json.loads(lock)["packages"]
    assert found.pop("")["dependencies"] == {"pyodide": found["node_modules/pyodide"]["version"]}
    assert all(each["integrity"].startswith("sha512-") for each in found.values())
    assert "://" not in lock


def test_a_compiler_of_another_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_bytecode, "_compile", lambda _work: "cpython-314")
    with pytest.raises(PaymentDrError, match="compiled for cpython-314, Lambda runs cpython-313"):
        compiled({}, [])


def test_without_a_compiler_the_package_is_built_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise PaymentDrError("npm cannot be reached", remedy="none")

    monkeypatch.setattr(package, "compiled", fails)
    monkeypatch.setattr(package, "_install", lambda directory, _: directory.mkdir())
    monkeypatch.setattr(package, "imported_modules", tuple)
    built = build(tmp_path / "functions.zip")
    assert not built.compiled
    assert built.why_not_compiled == "npm cannot be reached"


@pytest.mark.parametrize(
    ("program", "said"),
    [("import sys; sys.exit('no space')", "failed: no space"), ("input()", "cannot be run: .*0")],
)
def test_a_program_that_fails_or_hangs_is_told(program: str, said: str) -> None:
    run = vars(package_bytecode)["_run"]
    with pytest.raises(PaymentDrError, match=said):
        run([sys.executable, "-c", program], timeout_s=0 if "input" in program else 20)
    with pytest.raises(PaymentDrError, match="cannot be run"):
        run([f"/{uuid.uuid4()}"], timeout_s=20)
