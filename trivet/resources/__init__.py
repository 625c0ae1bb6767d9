"""Resource classes for Pulumi programs: each takes (name, args, opts)."""
