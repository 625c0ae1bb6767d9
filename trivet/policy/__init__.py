"""What the policy pack in `policy/` decides."""
