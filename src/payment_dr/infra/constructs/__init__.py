"""Constructs: one class and one frozen props object each; ids are places, never roles."""
