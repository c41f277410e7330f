#!/usr/bin/env bash
# Makes a folder that proves the CUDA backend on a machine with nothing but a driver: the conformance tests, the
# benchmarks, the libraries with the real CUDA runtime, the tool as one native program, and the embedded model.
#
#   native/cuda/gpu-bundle.sh BUILD-FOLDER TARGET     a build of targets hadal, hadal-cuda, hadal_cuda_tests and hadal_cuda_bench
#
# TARGET/run then does everything on the card and leaves one report.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "$1" && pwd)
rm -rf "$2"
mkdir -p "$2"
target=$(cd "$2" && pwd)

cp "$build/tests/native/hadal_cuda_tests" "$build/bench/native/hadal_cuda_bench" "$build"/native/cuda/{libhadal-cuda.so,libcudart.so.12} "$target"
cp -r "$root/tests/models/kjv-shakespeare-v32" "$target/model"
dotnet publish "$root/src/Hadal.Cli" -c Release -r linux-x64 -p:PublishAot=true -p:DebugType=none -o "$target/tool"
cp "$build/native/libhadal.so" "$target/tool"
find "$target/tool" \( -name '*.dbg' -o -name '*.xml' \) -delete
# The test program's own C++ runtime.
ldd "$target/hadal_cuda_tests" | grep -oE '/[^ ]*/lib(stdc\+\+|gcc_s)\.so[^ ]*' | xargs -I{} cp -L {} "$target"
strip --strip-unneeded "$target/hadal_cuda_tests" "$target/hadal_cuda_bench" "$target/libhadal-cuda.so"

cat > "$target/run" << 'END'
#!/usr/bin/env bash
# Conformance on the card, compute-sanitizer where found, text by the embedded model, then the benchmarks (HADAL_BENCH are
# their arguments). Everything goes to report.txt.
cd "$(dirname "${BASH_SOURCE[0]}")"
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$PWD HADAL_BACKEND_PATH=$PWD
failed=0
step() { # TITLE COMMAND...
  echo
  echo "== $1"
  shift
  "$@" 2>&1 || { echo "FAILED with status $?: $*"; failed=$((failed + 1)); }
}
{
  date -u
  step "The card" nvidia-smi
  # Without a card the tests skip, which proves nothing.
  step "Conformance against the scalar CPU kernels" bash -c './hadal_cuda_tests | tee conformance.txt; ! grep -q "no CUDA device" conformance.txt && grep -q "PASSED" conformance.txt && ! grep -q "FAILED" conformance.txt'
  if command -v compute-sanitizer > /dev/null; then
    for tool in memcheck racecheck; do
      step "compute-sanitizer $tool" compute-sanitizer --tool "$tool" --error-exitcode 9 ./hadal_cuda_tests --gtest_brief=1
    done
  else
    echo "compute-sanitizer: not found, left out"
  fi
  step "Devices" tool/Hadal.Cli devices
  step "Text on the card" tool/Hadal.Cli generate --model model --device cuda "In the beginning" --max-tokens 64 --temperature 0
  step "Text on the CPU" tool/Hadal.Cli generate --model model --device cpu "In the beginning" --max-tokens 64 --temperature 0
  step "Benchmarks" ./hadal_cuda_bench ${HADAL_BENCH:-}
  echo
  echo "$failed steps failed"
  exit "$failed"
} | tee report.txt
exit "${PIPESTATUS[0]}"
END
chmod +x "$target/run"
megabytes=$(du -sm "$target" | cut -f1)
echo "$target: $megabytes MB"
[[ $megabytes -lt 60 ]] || { echo "gpu-bundle.sh: that is more than 60 MB" >&2; exit 1; }
