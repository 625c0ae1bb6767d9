"""The lab: workstations with systemd, sshd and an engine of their own, booted as containers of the local engine."""
