#!/usr/bin/env bash
# Sets up, then hands over: what is built and how is said in CMakePresets.json and by MSBuild.
#
#   ./build.sh [build]           builds native and managed
#   ./build.sh run [ARGUMENTS]   builds, then runs the tool `hadal`; without arguments it writes text with the embedded model
#   ./build.sh test [OPTIONS]    builds, then runs every test, native and managed; options go to dotnet test, but for
#                                --all, the first one: it runs the long tests too, by HADAL_TEST_ALL=1
#   ./build.sh cuda [OPTIONS]    builds the CUDA backend (native/cuda/README.md); options go to CMake
#   ./build.sh gpu-bundle        builds out/gpu-bundle.tar.xz, whose script `run` proves and reports on a machine with a card
#   ./build.sh sanitize          builds native with sanitizers, then runs the native tests
#   ./build.sh pack              builds the shipped libraries and the NuGet packages, into artifacts/packages, with the
#                                libraries' symbols; the same commit gives the same bytes (.github/RELEASING.md)
#   ./build.sh setup             only sets up
#
# Set-up installs what is missing of g++ 12, CMake 3.25, GoogleTest and SIMDe (tests only) and the .NET 10 SDK, and says
# so. With --no-install, the first argument, it stops instead and names it. Tests go on without SIMDe, and say what they
# skip.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() {
  echo "build.sh: $*" >&2
  exit 1
}

install=yes
if [[ ${1:-} = --no-install ]]; then
  install=
  shift
fi
command=${1:-build}
[[ $# -eq 0 ]] || shift

# The package that holds a tool, by package manager: apt-get dnf zypper pacman apk.
declare -rA packages=(
  [g++]="g++ gcc-c++ gcc-c++ gcc g++"
  [cmake]="cmake cmake cmake cmake cmake"
  [make]="make make make make make"
  [GoogleTest]="libgtest-dev gtest-devel gtest gtest gtest-dev"
  [SIMDe]="libsimde-dev simde-devel simde-devel simde simde-dev"
  [curl]="curl curl curl curl curl"
  [clang-format]="clang-format clang-tools-extra clang-tools clang clang-extra-tools"
  [chromium]="chromium chromium chromium chromium chromium"
)

install_package() { # NAME, why
  [[ -n $install ]] || fail "$1: $2. Install it, or run without --no-install."
  local managers=(apt-get dnf zypper pacman apk) names i as_root=()
  read -ra names <<< "${packages[$1]}"
  for i in "${!managers[@]}"; do
    command -v "${managers[i]}" > /dev/null && break
  done
  command -v "${managers[i]}" > /dev/null || fail "$1: $2, and none of ${managers[*]} is here to install it"
  if [[ $(id -u) -ne 0 ]]; then
    command -v sudo > /dev/null || fail "$1: $2. Install the package ${names[i]} as root"
    as_root=(sudo)
  fi
  echo "build.sh: installing ${names[i]} with ${managers[i]} ($2)" >&2
  case ${managers[i]} in
    apt-get)
      "${as_root[@]}" apt-get -qq update >&2
      "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${names[i]}" >&2
      ;;
    dnf | zypper) "${as_root[@]}" "${managers[i]}" install -y "${names[i]}" >&2 ;;
    pacman) "${as_root[@]}" pacman -Sy --noconfirm "${names[i]}" >&2 ;;
    apk) "${as_root[@]}" apk add "${names[i]}" >&2 ;;
  esac
}

at_least() { # WANTED FOUND
  [[ -n $2 && $(printf '%s\n' "$1" "$2" | sort -V | head -1) = "$1" ]]
}

version_of() { # COMMAND...
  "$@" 2> /dev/null | grep -oE '[0-9]+(\.[0-9]+)*' | head -1 || true
}

need() { # NAME VERSION COMMAND...
  local name=$1 wanted=$2
  shift 2
  local found
  found=$(version_of "$@")
  at_least "$wanted" "$found" || install_package "$name" "$wanted or later is needed, and ${found:-none} is here"
  found=$(version_of "$@")
  at_least "$wanted" "$found" || fail "$name $wanted or later is needed; this system has ${found:-none}. Put a newer one into PATH."
}

need_compiler() {
  # A system whose g++ is older may have a later one beside it.
  local candidate
  for candidate in ${CXX:+"$CXX"} g++ g++-15 g++-14 g++-13 g++-12; do
    if at_least 12 "$(version_of "$candidate" -dumpfullversion)"; then
      export CXX=$candidate
      return
    fi
  done
  need g++ 12 g++ -dumpfullversion
}

has_header() { # NAME
  "${CXX:-g++}" -std=c++20 -fsyntax-only -x c++ - <<< "#include <$1>" 2> /dev/null
}

need_googletest() {
  has_header gtest/gtest.h || install_package GoogleTest "the native tests need it"
}

# It emulates AVX-512, which is of x86-64. Not every system has a package of it.
want_simde() {
  [[ $(uname -m) = x86_64 ]] || return 0
  has_header simde/simde-common.h || (install_package SIMDe "the tests of the AVX-512 variants need it on other processors") ||
    echo "build.sh: without SIMDe, only a processor with AVX-512 runs the AVX-512 variants" >&2
}

# Tests of npm's clients run where npm is; nothing else needs it.
want_npm_clients() {
  local folder=tests/clients
  command -v npm > /dev/null || return 0
  [[ $folder/node_modules/.package-lock.json -nt $folder/package-lock.json ]] ||
    (cd $folder && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >&2) ||
    echo "build.sh: npm can't bring the clients of $folder: their tests are skipped" >&2
}

need_dotnet() {
  # Where Microsoft's script puts it. The SDK is content without ICU, which a bare system lacks.
  export PATH=$PATH:$HOME/.dotnet DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=${DOTNET_SYSTEM_GLOBALIZATION_INVARIANT:-1}
  export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=${DOTNET_CLI_TELEMETRY_OPTOUT:-1}
  has_dotnet && return
  [[ -n $install ]] || fail "the .NET 10 SDK is missing. Install it, or run without --no-install."
  command -v curl > /dev/null || install_package curl "it is needed to fetch the .NET SDK"
  echo "build.sh: installing the .NET 10 SDK into $HOME/.dotnet with Microsoft's script" >&2
  local script
  script=$(mktemp)
  curl -fsSL --retry 3 -o "$script" https://dot.net/v1/dotnet-install.sh || fail "can't fetch https://dot.net/v1/dotnet-install.sh"
  bash "$script" --channel 10.0 --install-dir "$HOME/.dotnet" >&2
  rm "$script"
  # An older SDK of the system would hide it.
  export PATH=$HOME/.dotnet:$PATH DOTNET_ROOT=$HOME/.dotnet
  has_dotnet || fail "the .NET 10 SDK was installed into $HOME/.dotnet, but doesn't run: try $HOME/.dotnet/dotnet --info"
}

has_dotnet() {
  # From outside the checkout: global.json would make an older SDK an error.
  (cd / && dotnet --list-sdks 2> /dev/null) | grep -q '^10\.'
}

set_up() {
  need_compiler
  need cmake 3.25 cmake --version
  if [[ -z ${CMAKE_GENERATOR:-} ]]; then
    if command -v ninja > /dev/null; then
      export CMAKE_GENERATOR=Ninja
    else
      command -v make > /dev/null || install_package make "it is needed to build"
    fi
  fi
  need_dotnet
  local processors
  processors=$(nproc)
  export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$processors}
  export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-$processors}
}

# Where both were built, the managed tests find the CUDA backend and the emulated device; without them
# they say that they skip.
emulate_cuda() {
  local backend=$PWD/out/release/native/cuda runtime=$PWD/out/release/tests/emulator/runtime/lib
  [[ -z ${HADAL_BACKEND_PATH:-} && -e $backend/libhadal-cuda.so && -e $runtime/libcudart.so.12 ]] || return 0
  export HADAL_BACKEND_PATH=$backend LD_LIBRARY_PATH=$runtime${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
}

configure_cuda() { # PRESET OPTIONS...
  [[ -n ${HADAL_NVCC_ROOT:-} ]] || HADAL_NVCC_ROOT=$(native/cuda/get-nvcc.sh)
  # Upstream's kernels come from the submodules, or from folders given by these variables.
  local folders=() name
  for name in HADAL_FLASHMLA_DIR HADAL_DEEPGEMM_DIR HADAL_CUTLASS_DIR; do
    [[ -z ${!name:-} ]] || folders+=("-D$name=${!name}")
  done
  cmake --preset "$1" "-DHADAL_NVCC_ROOT=$HADAL_NVCC_ROOT" "${folders[@]}" "${@:2}"
}

case $command in
  build)
    set_up
    dotnet build Interop.sln -c Release "$@"
    ;;
  run)
    set_up
    [[ -d out/release ]] || echo "build.sh: building, which takes a few minutes the first time" >&2
    # Standard output is the tool's. Servers that outlive the build would take the processor from the first tokens.
    MSBUILDDISABLENODEREUSE=1 dotnet publish src/Hadal.Cli -c Release -v q -o out/tool \
      -p:CompileAhead=true -p:UseSharedCompilation=false >&2
    [[ $# -gt 0 ]] || set -- generate "In the beginning"
    exec dotnet out/tool/Hadal.Cli.dll "$@"
    ;;
  test)
    if [[ ${1:-} = --all ]]; then
      export HADAL_TEST_ALL=1
      shift
    fi
    set_up
    need_googletest
    want_simde
    want_npm_clients
    status=0
    cmake --workflow --preset release || status=1
    emulate_cuda
    dotnet test --solution Interop.sln -c Release "$@" || status=1
    exit $status
    ;;
  cuda)
    set_up
    configure_cuda cuda "$@"
    cmake --build --preset cuda
    ;;
  gpu-bundle)
    set_up
    need_googletest
    configure_cuda release -DHADAL_BUILD_CUDA=ON "$@"
    cmake --build --preset release --target hadal hadal-cuda hadal_cuda_tests hadal_cuda_bench
    native/cuda/gpu-bundle/make.sh out/release out/gpu-bundle
    ;;
  sanitize)
    set_up
    need_googletest
    cmake --workflow --preset sanitize
    ;;
  pack)
    set_up
    cmake -P native/packaging/build.cmake
    dotnet tool restore > /dev/null
    # What the files in a package are dated.
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
    export SOURCE_DATE_EPOCH
    rm -rf artifacts/packages
    dotnet pack Interop.sln -c Release -o artifacts/packages -p:ContinuousIntegrationBuild=true "$@"
    ;;
  setup)
    set_up
    for tool in "$@"; do
      [[ -v packages[$tool] ]] || fail "unknown tool '$tool': one of ${!packages[*]}"
      if [[ $tool = GoogleTest ]]; then
        need_googletest
      elif [[ $tool = SIMDe ]]; then
        want_simde
      else
        command -v "$tool" > /dev/null || install_package "$tool" "asked for"
      fi
    done
    ;;
  *) fail "unknown command '$command': one of build, run, test, cuda, gpu-bundle, sanitize, pack, setup" ;;
esac
