#!/usr/bin/env bash
# .venv: the locked Python packages, and this checkout installed in place.
. "$(dirname "$0")/lib.sh"
. "$SETUP/apt.sh"

VENV=$ROOT/.venv
LOCKS=("$ROOT/requirements/runtime.txt" "$ROOT/requirements/dev.txt")

main() {
  local packages checkout
  packages=$(sha256sum "${LOCKS[@]}")
  checkout=$ROOT:$(sha256sum <"$ROOT/pyproject.toml")
  [[ -x $VENV/bin/python ]] || make_venv # Python gone or never there; what a newer lock drops may stay until `make clean`
  if ! stamped "$VENV/.packages" "$packages"; then
    step "Python packages into .venv" pip install --require-hashes "${LOCKS[@]/#/--requirement=}" ||
      fail "pip install" "the packages of requirements/*.txt can be fetched, with the hashes that stand there" \
        "see the lines above: is PyPI reachable, or your mirror of it (PIP_INDEX_URL)?"
    printf '%s' "$packages" >"$VENV/.packages"
  fi
  if ! stamped "$VENV/.checkout" "$checkout"; then
    step "This checkout into .venv" pip install --no-deps --no-build-isolation --editable "$ROOT"
    printf '%s' "$checkout" >"$VENV/.checkout"
  fi
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

main
