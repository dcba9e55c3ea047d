"""Facts about plans that several rules share."""
