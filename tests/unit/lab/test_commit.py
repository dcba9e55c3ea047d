import subprocess
from pathlib import Path

from payment_dr.lab.commit import commit_of_code


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_figures_name_the_commit_and_whether_it_was_changed(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("a")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    head = git(tmp_path, "rev-parse", "--short=12", "HEAD")
    assert commit_of_code(tmp_path) == head
    (tmp_path / "file").write_text("b")
    assert commit_of_code(tmp_path) == f"{head}-dirty"


def test_outside_a_checkout_the_version_is_named(tmp_path: Path) -> None:
    assert commit_of_code(tmp_path) == "version 0.1.0"
