"""Bills of materials (CycloneDX) of what a bundle carries, attached to it as OCI artifacts."""
