"""The ports' real implementations: DynamoDB, PostgreSQL, Stripe, AWS control planes, the clock."""
