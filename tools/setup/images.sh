#!/usr/bin/env bash
# What `trivet build` makes images with; no container engine is needed for that.
. "$(dirname "$0")/lib.sh"
. "$SETUP/apt.sh"

KEYRING=/usr/share/keyrings/debian-archive-keyring

main() {
  local packages=()
  have mmdebstrap || packages+=(mmdebstrap)
  have buildah || packages+=(buildah)
  [[ -x /usr/lib/podman/netavark ]] || packages+=(netavark) # newer buildahs do not start without it
  [[ -e $KEYRING.gpg || -e $KEYRING.pgp ]] || packages+=(debian-archive-keyring)
  ((EUID == 0)) || have newuidmap || packages+=(uidmap) # without root, images are built in a user namespace
  ((${#packages[@]} == 0)) || apt_install "Images are built with mmdebstrap and buildah" "${packages[@]}"
}

main
