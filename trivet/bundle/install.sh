#!/usr/bin/env bash
# Installs this bundle on a Debian host without a network, which needs nothing but a minimal installation:
#
#   bash install.sh --key release.pub
#
# Whoever runs a script believes it. So see first that this is the one that was signed, with
#   minisign -Vm install.sh -x install.sh.KEYID.minisig -p release.pub
# or by comparing `sha256sum install.sh` with what the bundle's maker told you. From there on it sees to the rest, in this
# order and before anything is written: the signatures of index.json by the keys that you name, its dates, every blob.
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C

# Debian packages with openssl, for hosts without: suite, SHA-256, name. Bound by the signature of this very file.
SIGNATURE_PACKAGES='@SIGNATURE_PACKAGES@'

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
INTO=/srv/trivet
STACK=onprem
THRESHOLD=1
DRY_RUN=
KEYS=()     # as they were given
KEY_IDS=()  # by their numbers
OPENSSL=()  # the command
PATIENCE=60 # seconds that a new engine has to answer

usage() {
  cat <<EOF
bash install.sh --key PUB [--key PUB]... [--threshold N] [--into DIR] [--stack NAME] [--dry-run]

  --key PUB       a public key that you trust, as a file or as minisign's base64; never one from this medium
  --threshold N   how many of the keys must have signed (default: $THRESHOLD)
  --into DIR      where the project goes (default: $INTO)
  --stack NAME    the stack that is prepared for \`pulumi up\` (default: $STACK)
  --dry-run       verify everything and say what would be done
EOF
}

main() {
  parse "$@"
  WORK=$(mktemp -d)
  trap 'rm -rf "$WORK"' EXIT
  verify
  local groups
  groups=$(missing_groups)
  [[ -z $groups ]] || say "packages $(for group in $groups; do packages "$group"; done | wc -l) for: $groups"
  say "project  $INTO"
  if [[ $DRY_RUN ]]; then
    say "verified; nothing was written (--dry-run)"
    return
  fi
  [[ -z $groups ]] || install_packages "$groups"
  start_engine
  install_project
  say "installed. Now:"
  say "  cd $INTO && . .trivet/env && pulumi up --stack $STACK"
}

say() { printf '%s\n' "$*"; }

# fail VALUE RULE REMEDY: what was met, what must hold, what to do.
fail() {
  printf 'error: %s\n  rule:   %s\n  remedy: %s\n' "$@" >&2
  exit 2
}

have() { command -v "$1" >/dev/null; }

parse() {
  local option
  while (($#)); do
    option=$1
    shift
    case $option in
      --key | --threshold | --into | --stack)
        (($#)) && [[ $1 ]] || fail "$option" "the option has a value" "see bash install.sh --help"
        case $option in
          --key) KEYS+=("$1") ;;
          --threshold) THRESHOLD=$1 ;;
          --into) INTO=$1 ;;
          --stack) STACK=$1 ;;
        esac
        shift
        ;;
      --dry-run) DRY_RUN=yes ;;
      --help) usage && exit ;;
      *) fail "$option" "there is no such option" "see bash install.sh --help" ;;
    esac
  done
  ((${#KEYS[@]})) || fail "no --key" "a bundle is believed for a key that came by another way than the bundle" \
    "pass --key PUB: the file that you pinned, or its base64"
  [[ $THRESHOLD =~ ^[1-9][0-9]?$ && $THRESHOLD -le ${#KEYS[@]} ]] ||
    fail "--threshold $THRESHOLD with ${#KEYS[@]} keys" "as many keys can have signed as are named" "name more keys, or lower it"
  [[ $INTO == /* && $INTO =~ ^[A-Za-z0-9_./-]+$ ]] || fail "--into $INTO" "the project has an absolute path of plain names" "write it so"
  [[ $STACK =~ ^[a-z0-9][a-z0-9_-]{0,39}$ ]] || fail "--stack $STACK" "a stack's name has lower-case letters, digits, - and _" "write it so"
}

# --- What is believed, and why ---------------------------------------------------------------------------------------

verify() {
  local name
  for name in index.json oci-layout; do
    [[ -f $HERE/$name ]] || fail "no $HERE/$name" "install.sh lies in its bundle" "run it where the whole bundle is, unpacked"
  done
  for name in delta.json part.json; do
    [[ ! -e $HERE/$name ]] || fail "$HERE/$name" "a bare host is installed from a whole bundle" \
      "join it first, with 'trivet bundle join', where Trivet is installed"
  done
  suite
  find_openssl
  cp "$HERE/index.json" "$WORK/index.json" # what is verified is what is read from here on
  for name in "${KEYS[@]}"; do read_key "$name"; done
  verify_index
  verify_dates
  verify_blobs
}

suite() {
  [[ $(uname -s) == Linux && -r /etc/os-release ]] || fail "$(uname -s)" "hosts run Debian" "install it on one that does"
  # shellcheck disable=SC1091
  SUITE=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-unknown}")
  MACHINE=$(uname -m)
}

# The host's own openssl, or the one in the bundle: checked against the digests above, unpacked, and not installed.
find_openssl() {
  local package digest name file
  if have openssl && [[ $(openssl version) =~ ^OpenSSL\ ([0-9]+)\. ]] && ((BASH_REMATCH[1] >= 3)); then
    OPENSSL=(openssl)
    return
  fi
  while read -r package digest name; do
    [[ $package == "$SUITE" ]] || continue
    file=$HERE/blobs/sha256/$digest
    [[ -f $file && $(sha256sum <"$file") == "$digest  -" ]] ||
      fail "$name" "the package has the digest that install.sh names, $digest" "get the bundle again; do not use this one"
    dpkg-deb --extract "$file" "$WORK/openssl"
  done <<<"$SIGNATURE_PACKAGES"
  OPENSSL=(env "LD_LIBRARY_PATH=$WORK/openssl/usr/lib/$MACHINE-linux-gnu" "$WORK/openssl/usr/bin/openssl")
  "${OPENSSL[@]}" version >/dev/null 2>&1 || fail "no openssl 3, and none in the bundle that runs on $SUITE" \
    "signatures are verified with openssl" "install openssl, or get a bundle for $SUITE; set TMPDIR if /tmp is mounted noexec"
}

hex() { od -An -v -tx1 | tr -d ' \n'; }

# unhex DIGITS: the bytes.
# shellcheck disable=SC2001 # one expression a byte is more than the shell's own replacement can do
unhex() { printf '%b' "$(sed 's/../\\x&/g' <<<"$1")"; }

# reversed DIGITS: with the bytes in the other order.
reversed() {
  local rest=$1 out=
  while [[ $rest ]]; do
    out=${rest:0:2}$out
    rest=${rest:2}
  done
  printf '%s' "$out"
}

# read_key PUB: a minisign public key, brought into a form that openssl takes.
read_key() {
  local text=$1 raw id
  [[ ! -f $1 ]] || text=$(tail -n 1 "$1")
  raw=$(base64 -d <<<"$text" 2>/dev/null | hex) || raw=
  [[ $raw =~ ^4564([0-9a-f]{16})([0-9a-f]{64})$ ]] || fail "--key $1" "a public key is minisign's base64: 56 characters that begin with RW" \
    "name the .pub file that 'trivet keys new' (or 'minisign -G') wrote"
  id=$(reversed "${BASH_REMATCH[1]}")
  id=${id^^}
  [[ ! -e $WORK/$id.der ]] || fail "--key $1" "each key is named once" "leave one of them out"
  unhex "302a300506032b6570032100${BASH_REMATCH[2]}" >"$WORK/$id.der" # RFC 8410's SubjectPublicKeyInfo
  KEY_IDS+=("$id")
}

verify_index() {
  local id signers=() installer
  for id in "${KEY_IDS[@]}"; do
    [[ -f $HERE/index.json.$id.minisig ]] || continue
    is_signed_by "$id" || fail "index.json.$id.minisig" "the signature is key $id's, of exactly this index.json" "get the bundle again; do not use this one"
    signers+=("$id")
  done
  ((${#signers[@]} >= THRESHOLD)) || fail "signed by ${signers[*]:-none of the named keys}" "$THRESHOLD of the named keys have signed: ${KEY_IDS[*]}" \
    "get a signed bundle, or name the right key"
  installer=$(annotation dev.trivet.bundle.installer)
  [[ sha256:$(sha256_of "${BASH_SOURCE[0]}") == "$installer" ]] || fail "${BASH_SOURCE[0]}" "install.sh is the one that index.json names, $installer" \
    "get the bundle again; do not use this one"
  say "signed   ${signers[*]}"
}

# is_signed_by KEYID: is there its signature of index.json, and of the trusted comment?
is_signed_by() {
  local lines
  mapfile -t -n 5 lines <"$HERE/index.json.$1.minisig"
  ((${#lines[@]} == 4)) && [[ ${lines[2]} == "trusted comment: "* ]] || return 1
  [[ $(base64 -d <<<"${lines[1]}" 2>/dev/null | hex) =~ ^4544([0-9a-f]{16})([0-9a-f]{128})$ ]] || return 1
  unhex "${BASH_REMATCH[2]}" >"$WORK/signature"
  [[ $(reversed "${BASH_REMATCH[1]}") == "${1,,}" ]] || return 1
  "${OPENSSL[@]}" dgst -blake2b512 -binary "$WORK/index.json" >"$WORK/hash"
  holds "$1" "$WORK/hash" "$WORK/signature" || return 1
  [[ $(base64 -d <<<"${lines[3]}" 2>/dev/null | hex) =~ ^([0-9a-f]{128})$ ]] || return 1
  { cat "$WORK/signature" && printf '%s' "${lines[2]#trusted comment: }"; } >"$WORK/comment"
  unhex "${BASH_REMATCH[1]}" >"$WORK/signature"
  holds "$1" "$WORK/comment" "$WORK/signature"
}

# holds KEYID FILE SIGNATURE
holds() {
  "${OPENSSL[@]}" pkeyutl -verify -pubin -keyform DER -inkey "$WORK/$1.der" -rawin -in "$2" -sigfile "$3" >/dev/null 2>&1
}

sha256_of() { "${OPENSSL[@]}" dgst -sha256 -r "$1" | cut -d ' ' -f 1; }

# annotation NAME: of the index, which is canonical JSON; nothing where it has none.
annotation() { sed -n "s/.*\"${1//./\\.}\":\"\([^\"]*\)\".*/\1/p" "$WORK/index.json"; }

verify_dates() {
  local now expires created
  now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  expires=$(annotation dev.trivet.bundle.expires)
  created=$(sed -n 's/^{"annotations":{[^}]*"org\.opencontainers\.image\.created":"\([^"]*\)".*/\1/p' "$WORK/index.json")
  [[ $expires ]] || return 0
  [[ $now < $expires ]] || fail "it is $now" "the bundle holds until $expires" "get a newer one; if the date is wrong, set the clock"
  [[ ! $now < $created ]] || fail "it is $now" "the bundle was made at $created, so it is later than that" "set the clock"
}

verify_blobs() {
  local odd wrong digest manifest
  odd=$(find "$HERE" -mindepth 1 ! -type f ! -type d -print -quit)
  [[ -z $odd ]] || fail "$odd" "a bundle holds plain files" "get the bundle again"
  say "verifying $(du -sh "$HERE/blobs" | cut -f 1) ..."
  wrong=$(find "$HERE/blobs/sha256" -type f -print0 | xargs -0 -r -n 4 -P "$(nproc)" "${OPENSSL[@]}" dgst -sha256 -r |
    awk '{ name = $2; sub(/^.*\//, "", name); if ($1 != name) print name }')
  [[ -z $wrong ]] || fail "blobs/sha256/${wrong%%$'\n'*}" "a blob has the digest that it is named by" "copy the medium again, or get the bundle again"
  for manifest in $(digests_in "$WORK/index.json"); do
    require_blob "$manifest"
    for digest in $(digests_in "$(blob "$manifest")"); do require_blob "$digest"; done
  done
}

blob() { printf '%s' "$HERE/blobs/sha256/$1"; }

digests_in() { grep -o '"digest" *: *"sha256:[0-9a-f]\{64\}"' "$1" | grep -o '[0-9a-f]\{64\}'; }

require_blob() {
  [[ -f $(blob "$1") ]] || fail "blobs/sha256/$1" "every blob travels along" "copy the medium again, or get the bundle again"
}

# objects FILE: of canonical JSON, one a line, each from its first key on.
objects() { tr '{' '\n' <"$1" && echo; }

# artifact NAME: its files, as lines of digest and name; nothing where the bundle has none of that name.
artifact() {
  local digest
  digest=$(objects "$WORK/index.json" |
    sed -n "s#^.*\"org\.opencontainers\.image\.ref\.name\":\"$1\".*\"digest\":\"sha256:\([0-9a-f]\{64\}\)\".*#\1#p")
  [[ $digest ]] || return 0
  objects "$(blob "$digest")" |
    sed -n 's#^"org\.opencontainers\.image\.title":"\([A-Za-z0-9_][A-Za-z0-9._+~-]*\)"},"digest":"sha256:\([0-9a-f]\{64\}\)".*#\2 \1#p'
}

# --- What the host lacks ---------------------------------------------------------------------------------------------

# Names of the groups of packages whose programs are missing.
missing_groups() {
  local groups=()
  have docker || groups+=(engine)
  python3 -c 'import ensurepip, venv' 2>/dev/null || groups+=(python)
  ((${#groups[@]})) || return 0
  ((EUID == 0)) || [[ $DRY_RUN ]] || fail "$(id -un)" "root installs what is missing: ${groups[*]}" "run it with sudo"
  [[ $(artifact "debian/$SUITE-${groups[0]}") ]] || fail "$SUITE" "the bundle brings what a bare $SUITE lacks (${groups[*]})" \
    "make the bundle after 'trivet build --host $SUITE', or install these yourself"
  printf '%s\n' "${groups[*]}"
}

# packages GROUP: digest and name of each package that is not installed in that version or a newer one.
packages() {
  local digest name field installed
  while read -r digest name; do
    mapfile -t field < <(dpkg-deb --field "$(blob "$digest")" Package Version | sed 's/^[A-Za-z]*: //')
    installed=$(dpkg-query --showformat '${db:Status-Status} ${Version}' --show "${field[0]}" 2>/dev/null) || installed=
    [[ $installed == installed\ * ]] && dpkg --compare-versions "${installed#installed }" ge "${field[1]}" || printf '%s %s\n' "$digest" "$name"
  done < <(artifact "debian/$SUITE-$1")
}

install_packages() {
  local group digest name
  mkdir -p "$WORK/packages"
  for group in $1; do
    while read -r digest name; do ln -sf "$(blob "$digest")" "$WORK/packages/$name"; done < <(packages "$group")
  done
  say "installing $(find "$WORK/packages" -name '*.deb' | wc -l) Debian packages ..."
  # Without sources apt knows no place to fetch from: it has these files, or it fails.
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -qq --yes -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null \
    -o APT::Sandbox::User=root -o DPkg::Lock::Timeout=300 --no-install-recommends --no-remove install "$WORK"/packages/*.deb \
    >"$WORK/apt.log" 2>&1 </dev/null || {
    tail -n 20 "$WORK/apt.log" >&2
    fail "apt-get cannot install them" "the packages fit this $SUITE" "see the lines above; 'apt-get --fix-broken install' tells what is half done"
  }
}

start_engine() {
  local deadline=$((SECONDS + PATIENCE))
  ! docker version >/dev/null 2>&1 || return 0
  [[ -d /run/systemd/system ]] || { say "no systemd here: start the container engine (dockerd) yourself" && return; }
  systemctl enable --quiet --now docker
  until docker version >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "docker does not answer" "the engine runs" "see journalctl -u docker, then run install.sh again"
    sleep 1
  done
}

install_project() {
  local keys=() key python=$INTO/.venv/bin/python
  mkdir -p "$INTO"
  [[ -x $python ]] || python3 -m venv "$INTO/.venv"
  install_wheels "$python"
  for key in "${KEYS[@]}"; do keys+=(--key "$key"); done
  # Everything is verified once more here, by the program itself, and only then written.
  "$INTO/.venv/bin/trivet" bundle install "$HERE" --into "$INTO" "${keys[@]}" --threshold "$THRESHOLD"
  "$INTO/tools/setup/env.sh"
  (
    cd "$INTO"
    # shellcheck disable=SC1091
    . .trivet/env
    [[ ! -f stacks/Pulumi.$STACK.yaml ]] || pulumi stack select --create --non-interactive "$STACK"
  )
}

install_wheels() {
  local python=$1 digest name requirements=$WORK/requirements.txt
  mkdir -p "$WORK/wheels"
  { artifact "wheels/$SUITE" && artifact wheels/trivet; } >"$WORK/wheels.list"
  [[ $(wc -l <"$WORK/wheels.list") -gt 1 ]] || fail "$SUITE" "the bundle brings wheels for its Python" "make the bundle after 'trivet build --host $SUITE'"
  while read -r digest name; do
    ln -s "$(blob "$digest")" "$WORK/wheels/$name"
    [[ $name =~ ^([^-]+)-([^-]+)- ]]
    printf '%s==%s --hash=sha256:%s\n' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "$digest"
  done <"$WORK/wheels.list" >"$requirements"
  ! cmp -s "$requirements" "$INTO/.venv/.bundle" || return 0
  say "installing $(wc -l <"$requirements") Python packages into $INTO/.venv ..."
  PIP_CONFIG_FILE=/dev/null "$python" -m pip --quiet --disable-pip-version-check --no-input install --no-index --no-deps --no-cache-dir \
    --require-hashes --find-links "$WORK/wheels" --requirement "$requirements"
  cp "$requirements" "$INTO/.venv/.bundle"
}

main "$@"
