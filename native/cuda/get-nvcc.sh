#!/usr/bin/env bash
# Gets nvcc, its headers and the shared CUDA runtime (CUDA 12.4) from the non-free component of Debian trixie into a
# folder of its own; about 1 GB to download.
#
#   native/cuda/get-nvcc.sh [FOLDER]      default: ${XDG_CACHE_HOME:-$HOME/.cache}/hadal/cuda-12.4
#
# Prints the folder, and nothing else, on standard output. A folder that is there already is left alone.
set -euo pipefail

readonly packages=(nvidia-cuda-toolkit nvidia-cuda-dev nvidia-profiler libnvvm4 libcudart12 libcu++-dev libcub-dev libthrust-dev)
# nvidia-cuda-dev is 2.5 GB, most of it static libraries that nothing here links with.
excludes=()
for pattern in '*/libcu[bfspr][!d]*' '*/libcusolver*' '*/libnpp*' '*/libnvjpeg*' '*/libnvrtc*' '*/libnvptxcompiler*' \
  '*/libmetis*' '*/liblapack*' '*/libculibos*' '*/libnvJitLink*' '*/libnvjitlink*' './usr/share' '*/libcupti*'; do
  excludes+=(--exclude "$pattern")
done

target=${1:-${XDG_CACHE_HOME:-${HOME:?"HOME is not set: give a folder as argument"}/.cache}/hadal/cuda-12.4}
exec "$(dirname "$0")/../debian-tree.sh" --suite trixie --components "main non-free" --architecture amd64 \
  --holds usr/lib/nvidia-cuda-toolkit/bin/nvcc "${excludes[@]}" "$target" "${packages[@]}"
