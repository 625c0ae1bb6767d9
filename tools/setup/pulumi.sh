#!/usr/bin/env bash
# The Pulumi CLI with its Python language host: an installed one, or the official download, or built from Go modules.
. "$(dirname "$0")/lib.sh"
. "$SETUP/apt.sh"
. "$SETUP/go.sh"

VERSION=$(go_pinned pulumi github.com/pulumi/pulumi/pkg/v3)
NOT_DELIVERED=69 # download_pulumi.py's exit status when there is no way to the download

main() {
  local status=0
  ! stamped "$BIN/.pulumi" "$VERSION" || return 0
  own_tools || ! installed || return 0
  mkdir -p "$BIN"
  step "Downloading Pulumi $VERSION" "$ROOT/.venv/bin/python" "$SETUP/download_pulumi.py" "$VERSION" "$BIN" || status=$?
  case $status in
    0) ;;
    "$NOT_DELIVERED") build ;;
    *) exit "$status" ;;
  esac
  printf '%s' "$VERSION" >"$BIN/.pulumi"
}

# A CLI of the SDK's version or newer, with the host beside it.
installed() {
  local pulumi version
  pulumi=$(type -P pulumi) && type -P pulumi-language-python >/dev/null || return 1
  version=$("$pulumi" version)
  at_least "${version#v}" "${VERSION#v}"
}

build() {
  go_build pulumi github.com/pulumi/pulumi/pkg/v3/cmd/pulumi pulumi \
    "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$VERSION"
  install -m 755 "$ROOT/tools/language_host/pulumi-language-python" "$BIN/"
}

main
