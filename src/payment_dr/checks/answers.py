"""Idempotency as clients see it: one key and request, one answer; another request is refused."""

from sys import intern
from typing import Final

from msgspec import Struct

from payment_dr.checks.evidence import EventType, Function, HistoryRow, Source
from payment_dr.checks.statuses import HTTP_DECLINED, HTTP_KEY_REUSED
from payment_dr.checks.verdict import Claim, Judgement

_OK: Final = EventType.OK
_FAIL: Final = EventType.FAIL
_PAY: Final = Function.PAY


class Answer(Struct, frozen=True, gc=False):
    """A definite answer to a payment or refund: it succeeded, or (`ok` false) was declined.

    `scope` is what the key is unique in: the merchant of a payment, the payment of a refund.
    """

    ok: bool
    payment_id: str | None
    amount: int
    currency: str
    status: str | None
    scope: str
    key: str
    request: str


def answer_of(row: HistoryRow, scope: str) -> Answer | None:
    """The definite answer in an end of a payment or refund, or None if it is none."""
    ok = row.type is _OK
    if not ok and not (row.type is _FAIL and row.http_status == HTTP_DECLINED):
        return None
    status = row.status
    return Answer(
        ok,
        row.payment_id,
        row.amount,
        intern(row.currency),
        None if status is None else intern(status),
        scope,
        row.key,
        row.request,
    )


def scope_of(row: HistoryRow) -> str:
    """What the row's key is unique in."""
    return intern(row.merchant) if row.f is _PAY else row.payment_id or ""


class Answers:
    """Follows every key through the history; memory grows with the number of keys."""

    def __init__(self, history: Source[HistoryRow]) -> None:
        # By scope and key: the request asked, and once it was answered the answer in its place.
        self._keys: dict[str, dict[str, str | Answer]] = {}
        self._also_asked: set[tuple[str, str]] = set()
        self._refused: list[Answer] = []
        self._same = Judgement(
            "same-key-same-answer",
            "Every definite answer to one idempotency key and request is the same, and no two keys "
            "were answered with one payment.",
            [history],
        )
        self._other = Judgement(
            "other-request-same-key-refused",
            "Of different requests under one idempotency key at most one was answered, and no "
            "request was refused as a reuse whose key had not been used otherwise.",
            [history],
        )
        self._fits = Judgement(
            "answers-fit-requests",
            "Every acknowledged payment is named, and has the amount and currency asked for.",
            [history],
        )

    def asked(self, row: HistoryRow, scope: str) -> None:
        """Note the invocation of a payment or refund."""
        keys = self._keys.get(scope)
        if keys is None:
            keys = self._keys[scope] = {}
        known = keys.setdefault(row.key, row.request)
        if row.request != (known if isinstance(known, str) else known.request):
            self._also_asked.add((scope, row.key))

    def answered(self, invoke: HistoryRow, answer: Answer) -> None:
        """Compare a definite answer with the earlier one to its key."""
        keys = self._keys[answer.scope]
        known = keys[answer.key]
        if isinstance(known, str):
            keys[answer.key] = answer
        elif known != answer:
            self._differs(known, answer)
        if invoke.f is _PAY and (
            invoke.amount != answer.amount
            or invoke.currency != answer.currency
            or (answer.ok and answer.payment_id is None)
        ):
            text = f"asked for {invoke.amount} {invoke.currency}, answered {_words(answer)}"
            _violated(self._fits, answer, text)

    def _differs(self, known: Answer, answer: Answer) -> None:
        if known.request == answer.request:
            text = f"key {answer.key} was answered {_words(known)} and then {_words(answer)}"
            _violated(self._same, answer, text)
        else:
            text = f"two different requests under key {answer.key} were both answered"
            _violated(self._other, answer, text)

    def refused(self, invoke: HistoryRow, end: HistoryRow, scope: str) -> None:
        """Note a refusal; those for a reused key are judged at the end."""
        if end.http_status == HTTP_KEY_REUSED:
            self._refused.append(
                Answer(
                    False,  # noqa: FBT003 - positional construction is all a gc-free Struct needs
                    end.payment_id,
                    invoke.amount,
                    invoke.currency,
                    None,
                    scope,
                    invoke.key,
                    invoke.request,
                )
            )

    def shared(self, known: Answer, answer: Answer) -> None:
        """Note that one payment was the answer to two keys."""
        text = f"keys {known.key} and {answer.key} were both answered with this payment"
        _violated(self._same, answer, text)

    def claims(self) -> list[Claim]:
        """Judge, once the history has been read to its end."""
        for refusal in self._refused:
            known = self._keys[refusal.scope][refusal.key]
            if isinstance(known, Answer) and known.request == refusal.request:
                text = f"key {refusal.key} was answered {_words(known)}, and refused as a reuse"
                _violated(self._same, refusal, text)
            elif (refusal.scope, refusal.key) not in self._also_asked:
                text = f"key {refusal.key} was refused as a reuse, but was used for nothing else"
                _violated(self._other, refusal, text)
        return [judgement.claim() for judgement in (self._same, self._other, self._fits)]


def _words(answer: Answer) -> str:
    return f"{answer.status} {answer.amount} {answer.currency} as {answer.payment_id}"


def _violated(judgement: Judgement, answer: Answer, detail: str) -> None:
    judgement.violated(
        detail,
        payment_id=answer.payment_id,
        minor_units=answer.amount,
        currency=answer.currency,
    )
