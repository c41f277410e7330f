#!/usr/bin/env bash
# Packs what proves the CUDA backend on a machine with a card and nothing but a driver: the conformance tests, the
# benchmarks, the libraries with the real CUDA runtime, and the tool as one native program; `run` does everything. The
# embedded model is not in it: it lies in the repository, of which such a machine has a copy.
#
#   native/cuda/gpu-bundle/make.sh BUILD-FOLDER TARGET   a build of hadal, hadal-cuda, hadal_cuda_tests and hadal_cuda_bench
#
# Leaves the folder TARGET and TARGET.tar.xz.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
build=$(cd "$1" && pwd)
readonly most=8000000 most_with_sources=$((64 << 20)) # bytes

fail() {
  echo "gpu-bundle: $*" >&2
  exit 1
}

command -v xz > /dev/null || fail "xz is needed to pack, and is not there (Debian's xz-utils)"
rm -rf "$2" "$2.tar.xz"
mkdir -p "$2"
target=$(cd "$2" && pwd)
tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT

# Without the libraries that draw pictures (bench --plot).
dotnet publish "$root/src/Hadal.Cli" -c Release -r linux-x64 -p:PublishAot=true -p:DebugType=none -o "$tool"
cp "$tool/Hadal.Cli" "$target/hadal"
cp "$build"/native/libhadal.so "$build"/native/cuda/{libhadal-cuda.so,libcudart.so.12} "$target"
cp "$build"/{tests/native/hadal_cuda_tests,bench/native/cuda/hadal_cuda_bench} "$root/native/cuda/gpu-bundle/run" "$target"
strip --strip-unneeded "$target"/{hadal,libhadal.so,libhadal-cuda.so,hadal_cuda_tests,hadal_cuda_bench}

# What has no symbol of a newer libc runs on Ubuntu 22.04 and Debian 12.
newest=$(objdump -T "$target"/{hadal,*.so*,hadal_cuda_*} | grep -oE 'GLIBC_[0-9.]+' | sort -V | tail -n 1)
[[ $(printf '%s\n' "$newest" GLIBC_2.35 | sort -V | tail -n 1) = GLIBC_2.35 ]] || fail "it wants $newest; machines with a card may have 2.35"

# The benchmarks hold the library's kernels a second time, which xz finds within its 64 MB.
tar -C "$(dirname "$target")" --sort=name --owner=0 --group=0 -c "$(basename "$target")" | xz -9e > "$target.tar.xz"
size=$(stat -c %s "$target.tar.xz")
echo "$target: $(du -sb "$target" | cut -f1) bytes"
ls -l "$target"
echo "$target.tar.xz: $size bytes"
[[ $size -le $most ]] || fail "that is more than $most bytes"
if git -C "$root" rev-parse 2> /dev/null; then
  sources=$(cd "$root" && git ls-files -z | xargs -0 du -cb | tail -n 1 | cut -f1)
  echo "with the tracked files: $((size + sources)) bytes"
  [[ $((size + sources)) -le $most_with_sources ]] || fail "that is more than $most_with_sources bytes"
fi
