#!/usr/bin/env bash
# venv.sh [dev|modal|cloud|gcp|azure]: .venv with the locked Python packages, and this checkout installed in place; `dev` adds what tests
# and lint need, `modal` what a Modal app is deployed with, `cloud` what tier cloud needs on AWS, `gcp` and `azure` there.
. "$(dirname "$0")/lib.sh"
. "$SETUP/apt.sh"

VENV=$ROOT/.venv
main() {
  local checkout
  checkout=$ROOT:$(sha256sum <"$ROOT/pyproject.toml")
  [[ -x $VENV/bin/python ]] || make_venv # Python gone or never there; what a newer lock drops may stay until `make clean`
  packages runtime
  [[ ! ${1-} =~ ^(dev|modal|cloud|gcp|azure)$ ]] || packages "$1"
  if ! stamped "$VENV/.checkout" "$checkout"; then
    step "This checkout into .venv" pip install --no-deps --no-build-isolation --editable "$ROOT"
    printf '%s' "$checkout" >"$VENV/.checkout"
  fi
}

# packages LOCK: those that requirements/LOCK.txt pins.
packages() {
  local lock=$ROOT/requirements/$1.txt digest
  digest=$(sha256sum <"$lock")
  ! stamped "$VENV/.$1" "$digest" || return 0
  step "Python packages into .venv ($1)" pip install --require-hashes --requirement "$lock" ||
    fail "pip install" "the packages of requirements/$1.txt can be fetched, with the hashes that stand there" \
      "see the lines above: is PyPI reachable, or your mirror of it (PIP_INDEX_URL)?"
  printf '%s' "$digest" >"$VENV/.$1"
}

make_venv() {
  find_python
  step "Making .venv" "$PYTHON" -m venv --clear "$VENV"
}

pip() { "$VENV/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }

# Sets PYTHON to one that is new enough and can make virtual environments: Debian packages the latter apart.
find_python() {
  local candidates=(python3 python3.13 python3.12 python3.11)
  [[ -z ${PYTHON:-} ]] || candidates=("$PYTHON")
  for PYTHON in "${candidates[@]}"; do ! usable "$PYTHON" || return 0; done
  [[ ${#candidates[@]} == 1 ]] || apt_install "The project is written in Python" python3-venv
  PYTHON=${candidates[0]}
  usable "$PYTHON" || fail "$PYTHON: $("$PYTHON" --version 2>&1 || true)" "Python 3.11 or newer, with venv, runs the project" \
    "install one, then PYTHON=/its/path make setup"
}

usable() { "$1" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

main "$@"
