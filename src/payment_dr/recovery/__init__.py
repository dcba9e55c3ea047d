"""Moves of the active role: plans as data, a runner any crash can resume, the control record."""
