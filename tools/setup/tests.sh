#!/usr/bin/env bash
# Programs that the tests hold ours against: they read what we write, and take what we push.
. "$(dirname "$0")/lib.sh"
. "$SETUP/apt.sh"

main() {
  packages
  "$SETUP/helm.sh" && rm -rf "$STATE/cache/go"
}

packages() {
  local program packages=()
  for program in curl docker-registry minisign openssl skopeo; do
    have "$program" || packages+=("$program")
  done
  ((${#packages[@]})) || return 0
  apt_install "Tests let other programs read our bundles" "${packages[@]}"
  # The tests start a registry of their own; nobody asked for a service.
  [[ " ${packages[*]} " != *" docker-registry "* || ! -d /run/systemd/system ]] || as_root systemctl disable --now docker-registry
}

main
