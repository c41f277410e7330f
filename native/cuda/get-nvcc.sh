#!/usr/bin/env bash
# Gets nvcc, its headers and the shared CUDA runtime (CUDA 12.4) from the non-free component of Debian trixie, as any
# user, into a folder of its own: nothing is installed, and the machine's packages are left as they are.
#
#   native/cuda/get-nvcc.sh [FOLDER]      default: ${XDG_CACHE_HOME:-$HOME/.cache}/hadal/cuda-12.4
#
# Prints the folder, and nothing else, on standard output. A folder that is there already is left alone.
# apt itself fetches and verifies (Release signature, then SHA256 of index and packages), with lists, cache and status of
# its own; the archive's address is that of the machine's apt sources.
set -euo pipefail

fail() {
  echo "get-nvcc.sh: $*" >&2
  exit 1
}

readonly suite=trixie
readonly packages=(nvidia-cuda-toolkit nvidia-cuda-dev nvidia-profiler libnvvm4 libcudart12 libcu++-dev libcub-dev libthrust-dev)
# nvidia-cuda-dev is 2.5 GB, most of it static libraries that nothing here links with.
readonly unwanted=(--exclude='*/libcu[bfspr][!d]*' --exclude='*/libcusolver*' --exclude='*/libnpp*' --exclude='*/libnvjpeg*'
  --exclude='*/libnvrtc*' --exclude='*/libnvptxcompiler*' --exclude='*/libmetis*' --exclude='*/liblapack*' --exclude='*/libculibos*'
  --exclude='*/libnvJitLink*' --exclude='*/libnvjitlink*' --exclude='./usr/share' --exclude='*/libcupti*')

target=${1:-${XDG_CACHE_HOME:-${HOME:?"HOME is not set: give a folder as argument"}/.cache}/hadal/cuda-12.4}
[[ $target = /* ]] || target=$PWD/$target
readonly nvcc=usr/lib/nvidia-cuda-toolkit/bin/nvcc
if [[ -x $target/$nvcc ]]; then
  echo "$target"
  exit 0
fi
[[ ! -e $target ]] || fail "$target exists but holds no $nvcc: remove it, or give another folder"

for tool in apt-get dpkg-deb tar; do
  command -v "$tool" > /dev/null || fail "$tool is needed, and is not there (this script is for Debian and its relatives)"
done
[[ $(dpkg --print-architecture) = amd64 ]] || fail "only amd64 is supported, and this machine is $(dpkg --print-architecture)"

mkdir -p "$(dirname "$target")"
# Beside the target, so that the last step is one rename.
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists/partial,archives/partial,debs,root}

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -r $keyring ]] || fail "$keyring is needed to verify the archive: install debian-archive-keyring"

apt=(-o "Dir::State=$work" -o "Dir::State::lists=$work/lists" -o Dir::State::status=/dev/null -o "Dir::Cache=$work"
  -o "Dir::Etc::SourceList=$work/trixie.sources" -o Dir::Etc::SourceParts=/dev/null -o APT::Architecture=amd64
  -o APT::Architectures=amd64 -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Sandbox::User= -o Debug::NoLocking=true)

found=
while read -r mirror; do
  cat > "$work/trixie.sources" << END
Types: deb
URIs: $mirror
Suites: $suite
Components: main non-free
Signed-By: $keyring
END
  if apt-get "${apt[@]}" -qq update > "$work/log" 2>&1 && apt-cache "${apt[@]}" show nvidia-cuda-toolkit > /dev/null 2>&1; then
    found=yes
    break
  fi
done < <(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u)
if [[ -z $found ]]; then
  tail -5 "$work/log" >&2 2> /dev/null || true
  fail "no archive of this machine's apt sources has nvidia-cuda-toolkit in $suite non-free"
fi

(cd "$work/debs" && apt-get "${apt[@]}" -qq download "${packages[@]}" >&2) || fail "the download of ${packages[*]} failed"
for deb in "$work"/debs/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/root" "${unwanted[@]}" || fail "can't unpack $(basename "$deb")"
  rm "$deb"
done
[[ -x $work/root/$nvcc ]] || fail "the packages were unpacked, but hold no $nvcc"

# Another run may have won the race: its folder is as good.
mv -T "$work/root" "$target" 2> /dev/null || [[ -x $target/$nvcc ]] || fail "can't move the unpacked tree to $target"
echo "$target"
