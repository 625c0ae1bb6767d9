# shellcheck shell=bash
# Debian and Ubuntu packages: only those that are missing, and never at the cost of another one.

# apt_install WHY PACKAGE...
apt_install() {
  local why=$1 package missing=()
  shift
  have apt-get || fail "no apt-get, and not installed: $*" "set-up installs packages on Debian and Ubuntu only" \
    "install what gives you these, then run 'make setup' again"
  for package; do
    [[ $(dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  need_root "install ${missing[*]}"
  step "Installing ${missing[*]}" apt_get_install "${missing[@]}" ||
    fail "apt-get cannot install ${missing[*]}" "$why" "see the lines above: is a package mirror configured, and reachable?"
  printf '%s\n' "${missing[@]}" >>"$STATE/apt-installed" # for whoever wants to undo it
}

apt_get_install() {
  # Without fresh lists, apt knows no package or asks for one that the mirror no longer has.
  apt_get install --no-install-recommends --no-remove "$@" ||
    { apt_get update && apt_get install --no-install-recommends --no-remove "$@"; }
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -qy -o DPkg::Lock::Timeout=300 "$@"; }

# apt_version PACKAGE: the version that apt would install, without its epoch; nothing when it knows none.
apt_version() {
  local policy
  have apt-cache || return 0
  policy=$(LC_ALL=C apt-cache policy "$1")
  sed -n '/(none)/d; s/^  Candidate: \([0-9]*:\)\?//p' <<<"$policy"
}
