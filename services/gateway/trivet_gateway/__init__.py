"""The gateway: one OpenAI-compatible door, with keys, quotas, policy and an audit behind it."""
