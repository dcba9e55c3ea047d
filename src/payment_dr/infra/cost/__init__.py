"""What a month costs: quantities from the synthesized stacks, prices from a dated table."""
