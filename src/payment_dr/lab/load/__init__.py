"""Clients at work: open-loop arrivals, retries as a good SDK does, and their history."""
