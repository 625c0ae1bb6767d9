"""`make bench-bundle`."""

from bench.bundle import main

main()
