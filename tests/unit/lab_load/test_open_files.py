import resource

import pytest

from payment_dr.lab.open_files import raise_open_file_limit

INFINITE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limits", "raised_to"),
    [
        ((1024, 1_048_576), 16_384),
        ((1024, 4096), 4096),
        ((1024, INFINITE), 16_384),
        ((20_000, 20_000), None),
        ((INFINITE, INFINITE), None),
    ],
)
def test_the_limit_is_raised_as_far_as_wanted_and_allowed_and_never_lowered(
    limits: tuple[int, int], raised_to: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: made.append(new))
    limit = raise_open_file_limit()
    if raised_to is None:
        assert (limit, made) == (limits[0], [])
    else:
        assert (limit, made) == (raised_to, [(raised_to, limits[1])])
