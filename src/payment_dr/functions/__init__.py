"""Lambda handlers and their composition from adapters and pure code."""
