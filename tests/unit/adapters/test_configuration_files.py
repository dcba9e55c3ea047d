"""Lifecycles, backends and modules in both syntaxes."""

import json
from pathlib import Path
from typing import Any

import pytest

from payment_dr.adapters import configuration_files
from payment_dr.adapters.configuration_files import ConfigurationError, read_configuration
from payment_dr.lint.configuration import Backend

NATIVE = """
terraform {
  required_version = ">= 1.11"
  backend "s3" {
    region = "us-east-1"
  }
}
resource "aws_rds_cluster" "a" {
  lifecycle {
    ignore_changes = [global_cluster_identifier, tags["x"]]
  }
  timeouts {}
}
resource "aws_rds_cluster" "b" {
  lifecycle { ignore_changes = all }
}
resource "aws_vpc" "v" {}
locals {}
module "inner" {
  source = "./inner"
}
module "elsewhere" {
  source = "example/module/aws"
}
"""


def test_native_syntax_is_read_with_its_modules(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(NATIVE)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "main.tf").write_text('module "deep" {\n  source = "../deep"\n}')
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "x.tf").write_text('resource "aws_vpc" "d" {}')
    modules = read_configuration(tmp_path).modules
    assert set(modules) == {"", "inner", "inner.deep"}
    assert modules[""].backend == Backend(kind="s3", region="us-east-1")
    assert modules[""].ignored == {
        "aws_rds_cluster.a": {"global_cluster_identifier", "tags", "x"},
        "aws_rds_cluster.b": {"all"},
        "aws_vpc.v": frozenset(),
    }
    assert modules["inner.deep"].ignored == {"aws_vpc.d": frozenset()}


JSON: dict[str, Any] = {
    "terraform": {"backend": {"s3": {"region": "us-west-2"}}},
    "resource": {
        "aws_rds_cluster": {
            "a": {"lifecycle": {"ignore_changes": ["global_cluster_identifier"]}},
            "b": [{"lifecycle": [{"ignore_changes": "all"}]}],
        }
    },
    "module": {"inner": {"source": "./inner"}},
}


@pytest.mark.parametrize("name", ["main.tf.json", "cdk.tf.json"])
def test_json_syntax_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(json.dumps(JSON))
    (module,) = read_configuration(tmp_path / name).modules.values()
    assert module.backend == Backend(kind="s3", region="us-west-2")
    assert module.ignored == {
        "aws_rds_cluster.a": {"global_cluster_identifier"},
        "aws_rds_cluster.b": {"all"},
    }


def test_installed_modules_are_found_by_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(NATIVE)
    manifest = tmp_path / ".terraform" / "modules" / "modules.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text('{"Modules":[{"Key":"elsewhere","Source":"x","Dir":"vendored"}]}')
    (tmp_path / "vendored").mkdir()
    (tmp_path / "vendored" / "main.tf").write_text('terraform {\n backend "s3" {}\n}')
    assert set(read_configuration(tmp_path).modules) == {"", "elsewhere"}
    manifest.write_text("{}")
    with pytest.raises(ConfigurationError, match=r"modules\.json") as caught:
        read_configuration(tmp_path)
    assert caught.value.remedy == "terraform init"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tf", "terraform {\n  cloud {}\n}"),
        ("a.tf.json", '{"terraform": [{"cloud": {"organization": "x"}}]}'),
    ],
)
def test_a_cloud_block_is_a_backend(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_configuration(tmp_path).modules[""].backend == Backend(kind="cloud", region="")


def test_a_backend_without_a_kind_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.tf.json").write_text('{"terraform": {"backend": {}}}')
    assert read_configuration(tmp_path).modules[""].backend is None


def test_files_of_a_directory_are_one_module(tmp_path: Path) -> None:
    (tmp_path / "a.tf").write_text(NATIVE)
    (tmp_path / "b.tf.json").write_text(
        '{"terraform": {}, "resource": {"aws_rds_cluster": {"a": {"lifecycle": '
        '{"ignore_changes": ["engine_version"]}}}}}'
    )
    module = read_configuration(tmp_path).modules[""]
    assert module.backend == Backend(kind="s3", region="us-east-1")
    assert module.ignored["aws_rds_cluster.a"] >= {"engine_version", "tags"}


def test_a_region_that_is_no_constant_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "a.tf").write_text('terraform {\n backend "s3" {\n  region = var.region\n }\n}')
    assert read_configuration(tmp_path).modules[""].backend == Backend(kind="s3", region="")


def test_an_empty_or_missing_directory_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ConfigurationError, match="no file named") as caught:
            read_configuration(path)
        assert "cdk.tf.json" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tf", b"resource {"),
        ("a.tf", b"\xff"),
        ("a.tf.json", b"{"),
        ("a.tf.json", b"[" * 100_000),
    ],
)
def test_a_file_that_is_no_configuration_is_named(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=name) as caught:
        read_configuration(tmp_path)
    assert caught.value.remedy == "terraform validate"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tf").symlink_to(tmp_path / "absent")
    with pytest.raises(ConfigurationError, match="No such file"):
        read_configuration(tmp_path)


def test_a_file_above_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration_files, "FILE_BYTES_MAX", 1)
    (tmp_path / "a.tf").write_text(NATIVE)
    with pytest.raises(ConfigurationError, match="larger than 1 bytes"):
        read_configuration(tmp_path)


def test_modules_that_call_each_other_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration_files, "MODULES_MAX", 5)
    (tmp_path / "a.tf").write_text('module "again" {\n  source = "./."\n}')
    assert len(read_configuration(tmp_path).modules) == 5
