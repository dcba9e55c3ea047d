"""The `payment-dr` command, one module per subcommand."""
