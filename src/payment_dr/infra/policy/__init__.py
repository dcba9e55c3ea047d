"""What the planned stacks allow: pure models, read from plans."""
