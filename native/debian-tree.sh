#!/usr/bin/env bash
# Unpacks packages of a Debian suite into a folder of their own, as any user: nothing is installed, and the machine's
# packages are left as they are.
#
#   native/debian-tree.sh --suite SUITE --holds FILE [--components LIST] [--architecture ARCH] [--exclude PATTERN]...
#                         FOLDER PACKAGE...
#
# FILE is a path within the folder that must be there at the end; a folder that holds it already is left alone.
# Prints the folder, and nothing else, on standard output.
# apt itself fetches and verifies (Release signature, then SHA256 of index and packages), with lists, cache and status of
# its own; the archive's address is that of the machine's apt sources.
set -euo pipefail

fail() {
  echo "debian-tree.sh: $*" >&2
  exit 1
}

suite= holds= components=main architecture= excludes=()
while [[ ${1:-} = --* ]]; do
  [[ $# -ge 2 ]] || fail "$1 wants a value"
  case $1 in
    --suite) suite=$2 ;;
    --holds) holds=$2 ;;
    --components) components=$2 ;;
    --architecture) architecture=$2 ;;
    --exclude) excludes+=("--exclude=$2") ;;
    *) fail "unknown option $1" ;;
  esac
  shift 2
done
[[ -n $suite && -n $holds && $# -ge 2 ]] || fail "usage: see the head of this file"
target=$1
shift
[[ $target = /* ]] || target=$PWD/$target
if [[ -e $target/$holds ]]; then
  echo "$target"
  exit 0
fi
[[ ! -e $target ]] || fail "$target exists but holds no $holds: remove it, or give another folder"

for tool in apt-get dpkg-deb tar; do
  command -v "$tool" > /dev/null || fail "$tool is needed, and is not there (this script is for Debian and its relatives)"
done
: "${architecture:=$(dpkg --print-architecture)}"

mkdir -p "$(dirname "$target")"
# Beside the target, so that the last step is one rename.
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists/partial,archives/partial,debs,root}

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -r $keyring ]] || fail "$keyring is needed to verify the archive: install debian-archive-keyring"

apt=(-o "Dir::State=$work" -o "Dir::State::lists=$work/lists" -o Dir::State::status=/dev/null -o "Dir::Cache=$work"
  -o "Dir::Etc::SourceList=$work/suite.sources" -o Dir::Etc::SourceParts=/dev/null -o "APT::Architecture=$architecture"
  -o "APT::Architectures=$architecture" -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Sandbox::User=
  -o Acquire::Check-Valid-Until=false -o Debug::NoLocking=true)

found=
while read -r mirror; do
  cat > "$work/suite.sources" << END
Types: deb
URIs: $mirror
Suites: $suite
Components: $components
Signed-By: $keyring
END
  if apt-get "${apt[@]}" -qq update > "$work/log" 2>&1 && apt-cache "${apt[@]}" show "$1" > /dev/null 2>&1; then
    found=yes
    break
  fi
done < <(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u)
if [[ -z $found ]]; then
  tail -5 "$work/log" >&2 2> /dev/null || true
  fail "no archive of this machine's apt sources has $1 ($architecture) in $suite $components"
fi

(cd "$work/debs" && apt-get "${apt[@]}" -qq download "$@" >&2) || fail "the download of $* failed"
for deb in "$work"/debs/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/root" "${excludes[@]}" || fail "can't unpack $(basename "$deb")"
  rm "$deb"
done
# Links to absolute paths would leave the folder.
while IFS= read -r -d '' link; do
  ln -sfnr "$work/root$(readlink "$link")" "$link"
done < <(find "$work/root" -type l -lname '/*' -print0)
[[ -e $work/root/$holds ]] || fail "the packages were unpacked, but hold no $holds"

# Another run may have won the race: its folder is as good.
mv -T "$work/root" "$target" 2> /dev/null || [[ -e $target/$holds ]] || fail "can't move the unpacked tree to $target"
echo "$target"
