"""The protocol of a payment as pure code: claim, charge, decide, post, acknowledge."""
