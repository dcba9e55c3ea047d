"""Errors that tell a person what happened and what to do next."""


class PaymentDrError(Exception):
    """An error meant for people.

    Args:
        what: what happened, naming what was given and what is accepted.
        remedy: what to run or change next; empty when there is nothing to do.
        definite: whether it is certain that nothing took effect.
    """

    def __init__(self, what: str, *, remedy: str = "", definite: bool = True) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.definite = definite

    def __str__(self) -> str:
        tail = "" if self.definite else " (the effect is unknown: it may have happened)"
        return f"{self.what}{tail}" + (f"\n  next: {self.remedy}" if self.remedy else "")


class SettingsError(PaymentDrError):
    """The settings cannot be used; names every bad value at once."""


class UnavailableError(PaymentDrError):
    """A dependency did not answer in time; `definite` tells whether it may have acted."""
