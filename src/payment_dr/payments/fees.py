"""What a merchant pays for a capture. Refunds give no fee back."""

from typing import Final

from payment_dr.payments.record import Operation

_WHOLE: Final = 10_000
"""Basis points in the whole."""


def fee_of(operation: Operation, basis_points: int) -> int:
    """The fee in minor units, rounded half to even; 0 for what brings no money in.

    Args:
        operation: as decided.
        basis_points: hundredths of a percent, 0 to 10,000.
    """
    if not operation.moves_in:
        return 0
    whole, rest = divmod(operation.amount_minor * basis_points, _WHOLE)
    is_up = 2 * rest > _WHOLE or (2 * rest == _WHOLE and whole % 2 == 1)
    return whole + is_up
