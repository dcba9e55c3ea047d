"""Negative controls: the real parts put together wrongly on purpose.

A checker that has never failed proves nothing. Each control is a handler that a scenario may name
in place of the real one, and its module says which claim must break, and why. Only the lab runs
them.
"""
