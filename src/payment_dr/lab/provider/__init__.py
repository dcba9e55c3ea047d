"""A stand-in for the payment provider: the part of Stripe's API that payments use.

It speaks to the official SDK, honours idempotency keys, keeps what it did through its own
SIGKILL, and can hang before or after it charges. Shapes and codes follow
https://docs.stripe.com/api; unlike Stripe's, its search sees a charge at once.
"""
