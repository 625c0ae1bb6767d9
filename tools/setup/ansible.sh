#!/usr/bin/env bash
# ansible.sh: Ansible in an environment of its own, for those who set up workstations. Nothing else needs it.
. "$(dirname "$0")/lib.sh"

VENV=$STATE/ansible
LOCK=$ROOT/requirements/ansible.txt

main() {
  local digest
  digest=$(sha256sum <"$LOCK")
  ! stamped "$VENV/.lock" "$digest" || return 0
  step "Making $VENV" "$ROOT/.venv/bin/python" -m venv --clear "$VENV"
  step "Ansible into $VENV" "$VENV/bin/python" -m pip --disable-pip-version-check --no-input install --require-hashes --requirement "$LOCK" ||
    fail "pip install" "the packages of requirements/ansible.txt can be fetched, with the hashes that stand there" \
      "see the lines above: is PyPI reachable, or your mirror of it (PIP_INDEX_URL)?"
  printf '%s' "$digest" >"$VENV/.lock"
}

main
