"""`make bench`: the gateway's comparison; the bundle's is `make bench-bundle`."""

from bench.gateway import main

main()
