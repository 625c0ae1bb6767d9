#!/usr/bin/env bash
# OpenSSH's client: it moves bundles to hosts, and makes the lab's key.
. "$(dirname "$0")/lib.sh"
. "$SETUP/apt.sh"

! have ssh || ! have ssh-keygen || exit 0
apt_install "Hosts are reached over SSH" openssh-client
