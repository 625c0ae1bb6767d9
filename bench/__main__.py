"""`make bench`: the gateway beside its peers. Bundles have `make bench-bundle`."""

from bench.gateway import main

main()
