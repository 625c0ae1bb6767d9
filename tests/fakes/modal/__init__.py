"""Modal, as its own client sees it: the gRPC API, uploads, image builds, containers and web endpoints, on this machine.

What the real service is known to refuse is refused here. A method that is not served answers UNIMPLEMENTED and is
remembered. Containers are local ones, of the image that the client described (`docker`), or what the caller passes.
"""
