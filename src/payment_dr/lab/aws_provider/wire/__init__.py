"""Terraform's plugin protocol 5: messages, values, the server that speaks it."""
