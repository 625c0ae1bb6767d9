"""The CrossGuard pack: `pulumi up --policy-pack policy`."""
