"""Errors of running a lab."""

from payment_dr.core.errors import PaymentDrError


class LabError(PaymentDrError):
    """A part of the lab did not start, end or answer as it must."""
