#!/usr/bin/env bash
# Docker Compose 2: as `docker compose`, or else as `docker-compose` on .trivet/env's PATH. Trivet takes the first that works.
. "$(dirname "$0")/lib.sh"
. "$SETUP/apt.sh"
. "$SETUP/go.sh"

OLDEST=2.20 # up --wait-timeout, --progress json
VERSION=$(go_pinned compose github.com/docker/compose/v2)

main() {
  local package
  ! stamped "$BIN/.compose" "$VERSION" || return 0
  own_tools || { ! good docker compose && ! good docker-compose; } || return 0
  package=$(packaged)
  if ! own_tools && [[ $package ]] && (apt_install "Docker Compose $OLDEST or newer runs the stack" "$package"); then
    return
  fi
  go_build compose github.com/docker/compose/v2/cmd docker-compose "-X github.com/docker/compose/v2/internal.Version=$VERSION"
  printf '%s' "$VERSION" >"$BIN/.compose"
}

good() {
  local version
  version=$("$@" version --short 2>/dev/null) && at_least "${version#v}" "$OLDEST"
}

# The Debian or the Ubuntu package that is new enough, if there is one.
packaged() {
  local package version
  for package in docker-compose docker-compose-v2; do
    version=$(apt_version "$package")
    [[ -z $version ]] || ! at_least "$version" "$OLDEST" || { echo "$package" && return; }
  done
}

main
