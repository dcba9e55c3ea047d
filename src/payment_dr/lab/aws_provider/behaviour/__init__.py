"""What the stand-in plans, applies, reads and invents."""
