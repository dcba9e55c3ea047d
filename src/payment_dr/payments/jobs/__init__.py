"""What runs behind the requests: poster, confirmer, sweeper, and a move's reconciliation."""
