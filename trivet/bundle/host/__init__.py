"""What a bundle brings to a bare host: Debian packages, Python wheels and tools, gathered into the store."""

from trivet.bundle.host.gather import Workshop, gather_host, outdated

__all__ = ["Workshop", "gather_host", "outdated"]
