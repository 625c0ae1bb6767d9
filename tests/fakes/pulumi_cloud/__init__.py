"""A stand-in for the clouds' provider plugins, for machines that cannot download them.

It speaks the engine's protocol (`provider.proto`), checks every input against the classes of the installed SDK, and
hands what passes to a back end: for AWS boto3 on a real moto server, so that what a program made can be read back.
"""
