"""Azure, read back."""
