"""Signatures, secrets and retries of webhooks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_dr.core.errors import PaymentDrError
from payment_dr.payments.webhooks import (
    ATTEMPTS_MAX,
    EVENTS_ALL,
    WINDOW_S,
    UrlFault,
    WebhookEndpoint,
    pause_before,
    rotated,
    secrets_of,
    signature,
    url_fault,
    verify,
)

NOW = 1_800_000_000.0
MASTER = b"m" * 32
ENDPOINT = WebhookEndpoint(
    endpoint_id="we_1", url="https://shop.example/hook", events=(EVENTS_ALL,), created_at=NOW
)


def test_what_was_signed_is_verified() -> None:
    (secret,) = secrets_of(MASTER, ENDPOINT, NOW)
    verify(signature([secret], b"{}", NOW), b"{}", [secret], now=NOW + 1)


@given(body=st.binary(max_size=200), place=st.integers(min_value=0), bit=st.integers(0, 7))
def test_a_body_that_was_changed_by_one_bit_is_refused(body: bytes, place: int, bit: int) -> None:
    (secret,) = secrets_of(MASTER, ENDPOINT, NOW)
    header = signature([secret], body, NOW)
    changed = bytearray(body or b"x")
    changed[place % len(changed)] ^= 1 << bit
    with pytest.raises(PaymentDrError, match="no secret"):
        verify(header, bytes(changed), [secret], now=NOW)


@pytest.mark.parametrize("late", [WINDOW_S + 1, -WINDOW_S - 1])
def test_a_replay_after_the_window_is_refused(late: float) -> None:
    secrets = secrets_of(MASTER, ENDPOINT, NOW)
    with pytest.raises(PaymentDrError, match="300 s are allowed"):
        verify(signature(secrets, b"{}", NOW), b"{}", secrets, now=NOW + late)


@pytest.mark.parametrize(
    "header", ["", "t=1", "v1=" + "0" * 64, "t=x,v1=" + "0" * 64, "t=1,v1=00", "t=1,v0=" + "0" * 64]
)
def test_a_malformed_header_is_refused(header: str) -> None:
    with pytest.raises(PaymentDrError, match="malformed"):
        verify(header, b"{}", ["s"], now=1)


def test_a_time_that_was_changed_breaks_the_signature() -> None:
    secrets = secrets_of(MASTER, ENDPOINT, NOW)
    header = signature(secrets, b"{}", NOW).replace(f"t={NOW:.0f}", f"t={NOW + 200:.0f}")
    with pytest.raises(PaymentDrError, match="no secret"):
        verify(header, b"{}", secrets, now=NOW + 200)


def test_secrets_differ_by_endpoint_and_by_rotation() -> None:
    other = WebhookEndpoint(endpoint_id="we_2", url="", events=(), created_at=NOW)
    seen = {
        *secrets_of(MASTER, ENDPOINT, NOW),
        *secrets_of(MASTER, other, NOW),
        *secrets_of(MASTER, rotated(ENDPOINT, NOW), NOW),
        *secrets_of(b"n" * 32, ENDPOINT, NOW),
    }
    assert len(seen) == 4


def test_during_a_rotation_a_receiver_with_either_secret_is_served() -> None:
    (old,) = secrets_of(MASTER, ENDPOINT, NOW)
    after = rotated(ENDPOINT, NOW, overlap_s=60)
    signing = secrets_of(MASTER, after, NOW + 59)
    assert len(signing) == 2
    header = signature(signing, b"{}", NOW)
    for held in (old, signing[0]):
        verify(header, b"{}", [held], now=NOW)
    assert secrets_of(MASTER, after, NOW + 60) == (signing[0],)


def test_an_endpoint_gets_what_it_asked_for_until_it_is_disabled() -> None:
    some = WebhookEndpoint(endpoint_id="we_3", url="", events=("payment.refunded",), created_at=NOW)
    assert ENDPOINT.wants("payment.captured")
    assert some.wants("payment.refunded")
    assert not some.wants("payment.captured")
    gone = WebhookEndpoint(
        endpoint_id="we_4", url="", events=(EVENTS_ALL,), created_at=NOW, disabled_at=NOW
    )
    assert not gone.wants("payment.captured")


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://shop.example/hook?a=1", None),
        ("https://shop.example:443/", None),
        ("http://shop.example/", UrlFault.NOT_HTTPS),
        ("ftp://shop.example/", UrlFault.NOT_HTTPS),
        ("https://user:pass@shop.example/", UrlFault.CREDENTIALS),
        ("https://shop.example:8443/", UrlFault.PORT),
        ("https://shop.example:99999/", UrlFault.HOST),
        ("https://127.0.0.1/", UrlFault.HOST),
        ("https://[::1]/", UrlFault.HOST),
        ("https://2130706433/", UrlFault.HOST),
        ("https://0x7f.1/", UrlFault.HOST),
        ("https://localhost/", UrlFault.HOST),
        ("https:///path", UrlFault.HOST),
        ("https://[bad/", UrlFault.HOST),
        ("https://shop.example/#top", UrlFault.FRAGMENT),
        ("https://shop.example/" + "a" * 500, UrlFault.TOO_LONG),
    ],
)
def test_a_url_that_could_reach_inside_is_refused_before_it_is_asked(
    url: str, fault: UrlFault | None
) -> None:
    assert url_fault(url) is fault


def test_retries_grow_to_half_a_day_and_last_for_days() -> None:
    pauses = [pause_before(attempt, 0.5) for attempt in range(1, ATTEMPTS_MAX)]
    known = [pause for pause in pauses if pause is not None]
    assert len(known) == ATTEMPTS_MAX - 1
    assert known == sorted(known)
    assert known[0] == 10
    assert sum(known) > 2.5 * 86_400
    assert pause_before(ATTEMPTS_MAX, 0.5) is None


def test_retries_are_spread_by_a_fifth_either_way() -> None:
    assert [pause_before(1, chance) for chance in (0, 1)] == pytest.approx([8, 12])
