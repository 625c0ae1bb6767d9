"""Google Cloud, read back."""
