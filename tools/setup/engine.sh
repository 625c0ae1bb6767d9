#!/usr/bin/env bash
# The container engine: the one that answers, or else Debian's.
. "$(dirname "$0")/lib.sh"
. "$SETUP/apt.sh"

SOCKET=/run/docker.sock
PATIENCE=60 # seconds that a new engine has to answer
LOG=$STATE/dockerd.log

main() {
  ! answers || return 0
  refuse_another_s_engine
  say "No container engine answers: docker.io will be installed, if it is not, and started."
  need_root "install and start a container engine"
  apt_install "Containers need an engine" docker.io iptables
  have docker || apt_install "An engine needs its command" docker-cli # a package of its own since Debian 13
  answers || start
  ((EUID == 0)) || let_in "$(id -un)"
  answers || fail "$(complaint)" "the new engine answers $(id -un)" "see $LOG, or journalctl -u docker"
}

answers() { docker version >/dev/null 2>&1; }

complaint() { (docker version 2>&1 >/dev/null || true) | tail -n 1; }

# Whatever the user's settings point at is not ours to replace.
refuse_another_s_engine() {
  have docker || return 0
  local context said
  context=${DOCKER_HOST:-$(docker context show 2>/dev/null || echo default)}
  said=$(complaint)
  [[ $context == default ]] ||
    fail "$context: $said" "the engine that DOCKER_HOST or the Docker context names answers" "start it, or name another"
  [[ $said != *"permission denied"* ]] ||
    fail "$said" "$(id -un) may use the engine that runs" "sudo usermod -aG docker $(id -un), then log in again"
}

start() {
  local how=(run_detached)
  [[ ! -d /run/systemd/system ]] || how=(as_root systemctl enable --now docker)
  step "Starting Docker" "${how[@]}" || fail "$(complaint)" "Docker starts" "mend what the lines above say, then run 'make setup' again"
}

# Without systemd. It outlives this shell, but not the machine's next start: then set-up starts it again.
run_detached() {
  local patience=$((SECONDS + PATIENCE)) sudo=()
  ((EUID == 0)) || sudo=(sudo)
  "${sudo[@]}" setsid dockerd --pidfile "$STATE/dockerd.pid" </dev/null >>"$LOG" 2>&1 &
  until as_root docker version; do
    sleep 0.5
    if [[ ! -d /proc/$! ]] || ((SECONDS > patience)); then
      tail -n 10 "$LOG"
      return 1
    fi
  done
}

# The group takes effect at the next login, the access list until the engine starts again.
let_in() {
  apt_install "An access list lets you in at once" acl
  say "Adding $1 to the group docker, which is as good as root on this machine."
  as_root usermod -aG docker "$1"
  as_root setfacl -m "u:$1:rw" "$SOCKET"
}

main
