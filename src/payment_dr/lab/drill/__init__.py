"""A drill: one scenario against one lab, from an empty directory to a verdict with its evidence."""
