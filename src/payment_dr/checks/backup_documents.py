"""The evidence that verifying a backup leaves, as a JSON document; readiness reads it back."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from payment_dr.checks.backup_source import RestorePoint
from payment_dr.checks.verdict import Claim, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationEvidence:
    """One verified backup.

    Attributes:
        site: whose backup it is.
        run: the verification's date, UTC; of one that was asked for, its time.
        point: what was restored.
        verdict: the worst of the claims.
        claims: each with its witnesses.
        entries: journal entries in the restored ledger.
        newest_age_s: measured loss of that backup, see `checks.backup.BackupVerdict`.
        restore_s: measured time to restore, from its begin until the ledger took queries; None
            if it never did. It may be too long by the time between two calls of the function.
        verified_at: Unix seconds.
        check_s: measured time to read and judge the restored ledger; None if it was not read.
    """

    site: str
    run: str
    point: RestorePoint
    verdict: Verdict
    claims: tuple[Claim, ...]
    entries: int
    newest_age_s: float | None
    restore_s: float | None
    verified_at: float
    check_s: float | None = None


VERIFICATION_EVIDENCE = TypeAdapter(VerificationEvidence)
