"""A host over SSH: pinned host keys, commands and small files over paramiko, bulk over the fastest way there is."""

from trivet.drivers.ssh.host import SshHost

__all__ = ["SshHost"]
