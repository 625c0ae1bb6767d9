#!/usr/bin/env bash
# Sets up this machine: whatever is missing, and nothing twice.
. "$(dirname "$0")/lib.sh"

[[ $(uname -s) == Linux ]] || fail "$(uname -s)" "the stack runs in Linux containers, on Linux" "use a Linux machine or a virtual one"
for part in venv engine compose pulumi images ssh env; do "$SETUP/$part.sh"; done
rm -rf "$STATE/cache/go" # gigabytes, and of no use once the programs are built
