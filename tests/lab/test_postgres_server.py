"""One real PostgreSQL server: what it promises, whom it lets in, what it leaves behind."""

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from fakes.postgres_pair import PASSWORDS, PostgresPair
from payment_dr.lab.addresses import AddressError
from payment_dr.lab.errors import LabError
from payment_dr.lab.postgres import APP, OWNER, Cluster, Upstream
from payment_dr.lab.processes import RunAs
from payment_dr.lab.shared_memory import release_segment, segment_of

pytestmark = pytest.mark.lab


def cluster_of(pair: PostgresPair, name: str = "extra") -> Cluster:
    return Cluster(
        name,
        data=pair.directory.postgres / name,
        port=pair.addresses.evidence_port,
        host=pair.host,
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("password_encryption", "scram-sha-256"),
        ("TimeZone", "UTC"),
    ],
)
def test_what_is_acknowledged_is_on_disk_and_only_loopback_is_served(
    postgres: PostgresPair, setting: str, value: str
) -> None:
    with postgres.ledgers.connect("east") as connection:
        row = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
    assert row == (value,)


def test_a_wrong_password_is_refused(postgres: PostgresPair) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(
            host="127.0.0.1",
            port=postgres.addresses.postgres_port["east"],
            dbname="ledger",
            user=APP,
            password="wrong",
        )


def test_handlers_may_neither_promote_nor_create_nor_replicate(postgres: PostgresPair) -> None:
    with psycopg.connect(
        host="127.0.0.1",
        port=postgres.addresses.postgres_port["west"],
        dbname="ledger",
        user=APP,
        password=PASSWORDS.app,
        autocommit=True,
    ) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT pg_promote()")
        with pytest.raises(psycopg.Error, match=r"permission denied|read-only"):
            connection.execute("CREATE TABLE public.t (i int)")
        row = connection.execute(
            "SELECT rolreplication, rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == (False, False)


def test_passwords_do_not_show_in_a_representation(postgres: PostgresPair) -> None:
    shown = repr(postgres.host)
    assert not any(secret in shown for secret in ("owner-secret", "admin-secret", "app-secret"))


def test_a_busy_port_is_named(postgres: PostgresPair) -> None:
    port = postgres.addresses.postgres_port["east"]
    busy = Cluster("busy", data=Path("/nowhere"), port=port, host=postgres.host)
    with pytest.raises(AddressError, match=f"port {port} is in use"):
        busy.start()


def test_a_server_that_does_not_start_shows_its_last_words(postgres: PostgresPair) -> None:
    cluster = cluster_of(postgres, "broken")
    cluster.initialise()
    conf = cluster.data / "postgresql.conf"
    conf.write_text(conf.read_text() + "no_such_setting = 1\n")
    with pytest.raises(LabError, match="no_such_setting"):
        cluster.start()
    cluster.remove()
    assert not cluster.data.exists()


def test_a_server_that_never_ran_can_be_ended(postgres: PostgresPair) -> None:
    cluster = cluster_of(postgres, "never")
    cluster.shut_down()
    cluster.kill()
    assert not cluster.alive


def test_a_killed_server_leaves_no_shared_memory(postgres: PostgresPair) -> None:
    cluster = cluster_of(postgres, "killed")
    cluster.initialise()
    cluster.start()
    segment = segment_of(cluster.data)
    assert segment is not None
    cluster.remove()
    assert not release_segment(segment), "it was still there"


def test_a_server_killed_before_its_lock_file_is_complete_is_ended_all_the_same(
    postgres: PostgresPair,
) -> None:
    cluster = cluster_of(postgres, "early")
    cluster.initialise()
    cluster.start()
    lock = cluster.data / "postmaster.pid"
    complete = lock.read_text()
    lock.write_text("1\n")
    assert segment_of(cluster.data) is None
    cluster.kill()
    lock.write_text(complete)
    cluster.remove()


def test_a_copy_from_nowhere_fails_with_the_reason(postgres: PostgresPair) -> None:
    cluster = cluster_of(postgres, "copy")
    with pytest.raises(LabError, match=r"pg_basebackup failed.*refused"):
        cluster.copy_from(Upstream(host="127.0.0.1", port=postgres.addresses.provider_port))


def test_a_question_that_fails_says_where(postgres: PostgresPair) -> None:
    cluster = Cluster(
        "east",
        data=Path("/nowhere"),
        port=postgres.addresses.postgres_port["east"],
        host=postgres.host,
    )
    with pytest.raises(LabError, match="PostgreSQL at east did not answer"):
        cluster.ask("SELECT 1/0")
    assert cluster.ask("SELECT 1 WHERE false") is None
    with cluster.connect(user=OWNER) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run PostgreSQL as another user")
def test_root_runs_it_as_an_unprivileged_user_in_a_directory_that_user_owns(
    postgres: PostgresPair,
) -> None:
    run_as = postgres.host.binaries.run_as
    assert isinstance(run_as, RunAs)
    assert run_as.uid != 0
    pid = postgres.host.launcher.pids["postgres-east"]
    uid = subprocess.run(
        ["ps", "-o", "uid=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    assert int(uid.stdout) == run_as.uid
    assert (postgres.directory.postgres / "east").stat().st_uid == run_as.uid
