"""Scenarios as data, one TOML file each."""
