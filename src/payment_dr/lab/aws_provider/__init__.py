"""A stand-in for Terraform's aws provider: the real engine plans and applies without AWS.

Terraform itself checks a configuration against the schemas of the provider's own version, plans
it, and applies it; what AWS would answer is invented, or made for real in a lab's emulator for
the types that the lab runs. What that cannot find is listed in docs/explanation/offline-checks.md.
"""

from payment_dr.lab.aws_provider.installation import install

__all__ = ["install"]
