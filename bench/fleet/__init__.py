"""A first `pulumi up` of many hosts at once, beside that of one."""
