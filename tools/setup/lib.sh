# shellcheck shell=bash
# shellcheck disable=SC2034 # names for those who source it
# What the steps of set-up share. Sourcing it only sets names and the shell's options.
set -euo pipefail
shopt -s inherit_errexit

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
STATE=$ROOT/.trivet # all that set-up makes is below it, but for .venv and Debian packages
BIN=$STATE/bin
SETUP=$ROOT/tools/setup
BEAT=20 # seconds between two signs of life
PATH=$PATH:/usr/sbin:/sbin # where Debian keeps dockerd and iptables, and where `su` does not look

say() { printf '%s\n' "$*" >&2; }

# fail VALUE RULE REMEDY: what was met, what must hold, what to do.
fail() {
  printf 'error: %s\n  rule:   %s\n  remedy: %s\n' "$@" >&2
  exit 1
}

have() { command -v "$1" >/dev/null; }

# Set by whoever needs the tools in .trivet/bin, for bundles, whatever is installed.
own_tools() { [[ ${TRIVET_OWN_TOOLS:-} ]]; }

# at_least FOUND WANTED: compares versions.
at_least() { [[ $(printf '%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

# stamped FILE VALUE: is what VALUE stands for done already?
stamped() { [[ -f $1 && $(<"$1") == "$2" ]]; }

# step TITLE COMMAND...: its output goes to a log, of which the end is shown when it fails.
step() {
  local title=$1 start=$SECONDS status=0 beat log
  shift
  mkdir -p "$STATE/log"
  log=$STATE/log/$(basename "$0" .sh).log
  say "$title ..."
  exec {beat}> >(heartbeat "$title") # ends when this shell closes the pipe, or dies
  (exec {beat}>&- && "$@") >"$log" 2>&1 || status=$?
  exec {beat}>&-
  if ((status)); then
    tail -n 15 "$log" | sed 's/^/  | /' >&2
    say "$title: failed after $((SECONDS - start)) s; the whole of it is in $log"
    return "$status"
  fi
  say "$title: $((SECONDS - start)) s"
}

heartbeat() {
  local start=$SECONDS timed_out=128 status
  while true; do
    status=0
    read -rt "$BEAT" || status=$?
    ((status > timed_out)) || return 0
    say "$1: $((SECONDS - start)) s so far"
  done
}

# need_root WHY: makes sure that as_root will work; sudo asks before any progress is shown.
need_root() {
  ((EUID)) || return 0
  have sudo || fail "not root, and no sudo" "root is needed to $1" "run 'make setup' as root once, or have that done for you"
  ! sudo -n true 2>/dev/null || return 0
  say "sudo, to $1:"
  sudo -v || fail "sudo refuses $(id -un)" "root is needed to $1" "run 'make setup' as a user who may use sudo"
}

as_root() { if ((EUID)); then sudo "$@"; else "$@"; fi; }

# need_space GIB WHY
need_space() {
  local free
  mkdir -p "$STATE"
  free=$(df --output=avail -B1G "$STATE" | tail -n 1)
  ((free >= $1)) || fail "$((free)) GiB free on the disk of $STATE" "$2 needs $1 GiB for a while" "free some space; nothing was changed"
}
