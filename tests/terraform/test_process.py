"""The provider as a process: how it is found and started, and that it always ends."""

import base64
import os
import stat
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography import x509

from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.aws_provider import install
from payment_dr.lab.aws_provider.__main__ import ENDPOINTS, TYPES, cloud, schemas
from payment_dr.lab.aws_provider.schema import cache
from payment_dr.lab.aws_provider.schema.model import Family
from payment_dr.lab.aws_provider.wire.certificate import certificate
from payment_dr.lab.aws_provider.wire.server import COOKIE, COOKIE_VALUE, Method, wait

_MODULE = "payment_dr.lab.aws_provider"


def test_a_person_who_starts_it_is_told_what_it_is() -> None:
    environment = {key: value for key, value in os.environ.items() if key != COOKIE}
    done = subprocess.run(
        [sys.executable, "-m", _MODULE], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"Terraform starts it" in done.stderr
    assert done.stdout == b""


def test_it_ends_when_whoever_started_it_is_gone() -> None:
    # The shell ends at once; the provider has its standard output, which closes when it ends too.
    with subprocess.Popen(
        ["sh", "-c", f"{sys.executable} -m {_MODULE} & read -r _"],
        env={**os.environ, COOKIE: COOKIE_VALUE},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        core, protocol, network, address, kind, encoded = (
            shell.stdout.readline().decode().strip().split("|")
        )
        assert (core, protocol, network, kind) == ("1", "5", "unix", "grpc")
        socket = Path(address)
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        padded = encoded + "=" * (-len(encoded) % 4)
        name = x509.load_der_x509_certificate(base64.b64decode(padded)).subject
        assert name.rfc4514_string() == "CN=localhost"
        shell.stdin.close()
        assert shell.stdout.read() == b""
    assert not socket.parent.exists()


def test_waiting_ends_when_told_without_a_parent_and_in_any_case_in_time() -> None:
    told = threading.Event()
    wait(told, lambda: True, longest_s=0.5)
    wait(told, lambda: False)
    told.set()
    wait(told, lambda: True)


def test_a_certificate_is_kept_for_some_hours_where_only_its_user_can_read_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = certificate()
    assert certificate() == first
    (kept,) = tmp_path.rglob("certificate")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    yesterday = time.time() - 24 * 3600
    os.utime(kept, (yesterday, yesterday))
    second = certificate()
    assert second.encoded != first.encoded
    assert certificate() == second


def test_a_call_answers_with_bytes_or_a_message() -> None:
    assert Method(call=lambda _: b"as it is")(b"") == b"as it is"
    assert Method(call=lambda _: {})(b"") == b""


def test_only_endpoints_bring_an_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINTS, raising=False)
    assert cloud() is None
    monkeypatch.setenv(ENDPOINTS, '{"us-east-1": "http://127.0.0.1:1"}')
    emulator = cloud()
    assert emulator is not None
    assert emulator.makes("aws_dynamodb_table")
    assert not emulator.makes("aws_vpc")


def test_installing_again_changes_nothing(environment: Mapping[str, str]) -> None:
    def contents() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}

    directory = Path(environment["TF_CLI_CONFIG_FILE"]).parent
    before = contents()
    assert install(directory) == environment
    assert contents() == before


def test_bindings_that_do_not_say_their_providers_version_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bindings = tmp_path / "empty.tgz"
    with tarfile.open(bindings, "w:gz") as files:
        files.addfile(tarfile.TarInfo("package/lib/topic/index.js"))
        files.addfile(tarfile.TarInfo("package/README.md"))
    monkeypatch.setattr(cache, "archive", lambda: bindings)
    monkeypatch.setattr(cache, "answer", lambda: b"")
    with pytest.raises(PaymentDrError, match="which version of the provider"):
        install(tmp_path / "stand-in")


def test_a_directory_with_any_name_can_hold_it(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    assert set(environment) == {"TF_CLI_CONFIG_FILE"}
    directory = tmp_path / 'a "quoted" ${name} \\'
    written = Path(install(directory)["TF_CLI_CONFIG_FILE"])
    configuration = written.read_text(encoding="utf-8")
    assert 'a \\"quoted\\" $${name} \\\\"' in configuration
    assert os.access(directory / "terraform-provider-aws", os.X_OK)


def test_only_the_named_types_are_offered_to_an_engine_in_a_hurry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(TYPES, "aws_vpc,aws_region")
    offered = schemas()
    assert offered.names(Family.RESOURCE) == {"aws_vpc"}
    assert offered.names(Family.DATA) == {"aws_vpc", "aws_region"}
    assert offered.block(Family.RESOURCE, "aws_vpc").attributes
    monkeypatch.delenv(TYPES)
    assert len(schemas().names(Family.RESOURCE)) > 1500
