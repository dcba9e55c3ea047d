"""The usual design, to compare with: the payment and its idempotency key live in the ledger.

A payment is acknowledged when the local Aurora commit returns; Aurora copies it to the other
region afterwards. What "usual" means here, and what was made better than usual so that the
comparison is fair, is in docs/decisions (0004, ledger-first).
"""
