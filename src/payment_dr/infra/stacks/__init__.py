"""Stacks: what is applied together. Each knows the others' resources by name only."""
