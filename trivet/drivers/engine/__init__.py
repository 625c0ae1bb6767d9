"""The container engine of a host: Docker and Compose through their command lines, so that any `Host` will do."""
