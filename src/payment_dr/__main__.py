"""`python -m payment_dr` is `payment-dr`."""

from payment_dr.cli.main import main

main()
