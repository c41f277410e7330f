#!/usr/bin/env bash
# Gets what a shipped library is linked against: the libc of Debian 11 (glibc 2.31), in a folder of its own.
#
#   native/packaging/get-sysroot.sh amd64|arm64 [FOLDER]    default: ${XDG_CACHE_HOME:-$HOME/.cache}/hadal/sysroot-ARCH
#
# Prints the folder, and nothing else, on standard output. A folder that is there already is left alone.
set -euo pipefail

case ${1:-} in
  amd64) triplet=x86_64-linux-gnu ;;
  arm64) triplet=aarch64-linux-gnu ;;
  *)
    echo "get-sysroot.sh: the architecture is '${1:-}'; it must be amd64 or arm64" >&2
    exit 1
    ;;
esac
target=${2:-${XDG_CACHE_HOME:-${HOME:?"HOME is not set: give a folder as second argument"}/.cache}/hadal/sysroot-$1}
exec "$(dirname "$0")/../debian-tree.sh" --suite bullseye --architecture "$1" --exclude ./usr/share \
  --holds usr/lib/$triplet/libc.so "$target" \
  libc6 libc6-dev linux-libc-dev
