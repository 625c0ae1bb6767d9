"""`python -m bench.gateway [--seconds N] [--without-litellm]`."""

from bench.gateway.run import main

main()
