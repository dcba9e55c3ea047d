"""Multi-region disaster recovery for a payment service on AWS."""
