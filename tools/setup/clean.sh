#!/usr/bin/env bash
# Removes what can be made again. A stack that runs keeps its state, keys and files.
. "$(dirname "$0")/lib.sh"

rm -rf "${ROOT:?}/.venv" "${STATE:?}"/{bin,cache,log,store}
find "$ROOT" -name __pycache__ -type d -prune -exec rm -rf {} +
rm -rf "$ROOT"/.{mypy,pytest,ruff}_cache "$ROOT/.hypothesis" "$ROOT"/*.egg-info
say "Left: what stacks need, in $STATE. After 'make down', remove that too if you are done here."
