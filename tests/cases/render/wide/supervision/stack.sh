#!/bin/sh
# stack.sh start|stop: the stack as it was last ready. Images, models and keys are on this host already.
set -eu
cd "${0%/*}/.."
root=$(pwd)

compose() {
  if docker compose version >/dev/null 2>&1; then set -- docker compose "$@"; else set -- docker-compose "$@"; fi
  "$@"
}

# An update that never became ready has left its file: what was before it holds. One that did was cut off at its end.
settle() {
  [ -e compose.next.yaml ] || return 0
  if [ -e previous/gateway.json ] && [ "$(cat compose.next.yaml)" != "$(cat compose.yaml)" ]; then
    cp previous/gateway.json etc/gateway.json.part
    sync etc/gateway.json.part
    mv etc/gateway.json.part etc/gateway.json
  fi
  if [ -e etc/draining ] && [ "$(cat etc/draining)" = 'an update' ]; then rm -f etc/draining; fi
  rm -f compose.next.yaml
}

case $1 in
  start)
    # Where a run works on the stack, it starts it itself; where one was cut off, what it had started has to end first.
    exec 9>>"$root.lock"
    flock --nonblock 9 || exit 0
    if [ -e "$root.lock.commands" ]; then flock --nonblock "$root.lock.commands" true || exit 0; fi
    trap 'rm -f "$root.lock"' EXIT
    settle
    compose --project-name trivet-golden --file compose.yaml up --detach --pull never --no-build --remove-orphans \
      --wait --wait-timeout 1200
    ;;
  stop) compose --project-name trivet-golden --file compose.yaml stop ;;
esac
