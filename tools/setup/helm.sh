#!/usr/bin/env bash
# Helm, for whoever tests the chart or installs it by hand: an installed one, or built from its Go module.
. "$(dirname "$0")/lib.sh"
. "$SETUP/apt.sh"
. "$SETUP/go.sh"

OLDEST=3.14 # pulls charts by digest
VERSION=$(go_pinned helm helm.sh/helm/v3)
KUBERNETES=$(sed -n 's#^\tk8s.io/client-go v0\.\([0-9]*\)\..*#\1#p' "$SETUP/go/helm/go.mod") # 1.MINOR, which charts are rendered for

main() {
  ! stamped "$BIN/.helm" "$VERSION" || return 0
  ! good || return 0
  go_build helm helm.sh/helm/v3/cmd/helm helm "-X helm.sh/helm/v3/internal/version.version=$VERSION \
    -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=$KUBERNETES \
    -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=$KUBERNETES"
  printf '%s' "$VERSION" >"$BIN/.helm"
}

good() {
  local version
  version=$(helm version --template '{{.Version}}' 2>/dev/null) && at_least "${version#v}" "$OLDEST"
}

main
