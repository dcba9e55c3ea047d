"""Two sites on one machine from real parts, and the faults that they must survive."""
