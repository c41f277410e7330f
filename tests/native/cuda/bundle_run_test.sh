#!/usr/bin/env bash
# The bundle's script `run` with programs in place of the real ones: it goes through all steps, ends one that hangs with
# all that it began, and says of each failure what failed.
#
#   tests/native/cuda/bundle_run_test.sh RUN FOLDER      FOLDER is made anew
set -uo pipefail
bundle=$2/bundle out=$2/out.txt
rm -rf "$2"
mkdir -p "$bundle" "$2/tools"
cp "$1" "$bundle/run"

program() { # NAME: its script on standard input
  { echo '#!/usr/bin/env bash'; cat; } > "$1"
  chmod +x "$1"
}

expect() { # PATTERN...: lines that the report must have
  local pattern
  for pattern in "$@"; do
    grep -qE -- "$pattern" "$bundle/report.txt" && continue
    echo "the report has no line '$pattern':"
    cat "$bundle/report.txt"
    exit 1
  done
}

program "$bundle/hadal_cuda_tests" << 'END'
echo "kernels ${HADAL_CUDA_KERNELS:-best}"
echo "[       OK ] Device/Cuda.AgreesWithTheScalar/gemm (3 ms)"
echo "[       OK ] Device/Cuda.RefusesOddAddressesOrServesThem/gemm (3 ms)"
echo "[  PASSED  ] 2 tests."
END
program "$bundle/hadal_cuda_bench" <<< 'echo "bench $*"; echo "Shares are of copying on the device, 4000.0 GB/s, and"'
program "$bundle/hadal" << 'END'
case "$*" in
  generate*"--device cuda"*) echo '{"text":"x","ids":[1,2,3,5],"seed":"1"}' ;;
  generate*) echo '{"text":"x","ids":[1,2,3,4],"seed":"1"}' ;;
  bench*)
    echo "hadal $*"
    while [[ $1 != --csv ]]; do shift; done
    printf 'context_tokens,attention,prefill,decode\n2048,sparse,0.10000,0.40012\n131072,dense,0.20000,1.00000\n' > "$2"
    ;;
  synth*) mkdir "${!#}" && echo "hadal $*" ;;
  *) echo "hadal $*" ;;
esac
END
program "$2/tools/compute-sanitizer" <<< 'echo "sanitizer $*"'
program "$2/tools/nvidia-smi" <<< 'echo "a card"'
PATH=$2/tools:$PATH

run() { # EXPECTED-STATUS ARGUMENT...
  local expected=$1
  shift
  "$bundle/run" "$@" > "$out" 2>&1
  local status=$?
  [[ $status -eq $expected ]] || { echo "run ended with status $status, not $expected:"; cat "$bundle/report.txt"; exit 1; }
}

# All is well.
run 0 --minutes 1 --tiny
expect '^a card' '^hadal devices' '^kernels best' '^kernels portable' 'first 3 of 4 tokens agree' '^3 of 4 tokens agree' \
  '^bench --minutes=0\.[0-9]+ --tiny' '^hadal bench .*--device cuda' \
  '^decoding +best kernels +2048 tokens before, sparse +400\.1 *$' '^decoding +portable kernels +131072 tokens before, dense +1000\.0' \
  '^sanitizer --tool memcheck .*AgreesWithTheScalar/gemm' \
  '^sanitizer --tool racecheck' '^0 of 9 steps failed, 0 were left out'

# Without --tiny: the weights are made, a decoding token's rate is told, and nothing of them is left.
run 0 --minutes 1
expect '^hadal synth --preset true-shape .*hadal-weights' '^bench --minutes=0\.[0-9]+$' \
  '^decoding +best kernels +2048 tokens before, sparse +400\.1 +3227\.1 +80%$' \
  '^decoding +best kernels +131072 tokens before, dense +1000\.0 +1459\.9 +36%$' '^0 of 10 steps failed'
weights=$(sed -n 's/^hadal synth --preset true-shape //p' "$bundle/report.txt")
[[ ! -e $weights ]] || { echo "$weights is left"; exit 1; }

# Tests that skip prove nothing; other texts, crashes and findings of the sanitizer are told.
program "$bundle/hadal_cuda_tests" <<< 'echo "no CUDA device, so nothing was run"; echo "[  PASSED  ] 0 tests."'
program "$bundle/hadal_cuda_bench" <<< 'kill -SEGV $$'
program "$bundle/hadal" <<< 'echo "{\"ids\":[$RANDOM,7]}"'
program "$2/tools/compute-sanitizer" <<< 'exit 9'
run 1 --minutes 1 --tiny
expect 'FAILED with status 1: Conformance against' 'FAILED with status 1: Text' '^0 of 2 tokens agree' \
  'FAILED with status 139: Benchmarks' '^6 of 7 steps failed'

# A step that hangs, deaf to being asked, and what it began.
program "$bundle/hadal_cuda_tests" <<< "trap '' TERM; sleep 987 & echo \$! >> '$2/children'; wait; sleep 987"
run 1 --minutes 0.2 --tiny
expect 'FAILED: ended after [0-9]+ s: Conformance against' 'FAILED with status 139: Benchmarks|Benchmarks.*: left out' \
  'of [0-9]+ steps failed'
while read -r child; do
  for ((i = 0; i < 50; i++)); do # Dead, it is there until it is reaped.
    kill -0 "$child" 2> /dev/null || break
    sleep 0.1
  done
  [[ $i -lt 50 ]] || { echo "what a hanging step began still runs"; exit 1; }
done < "$2/children"

# Arguments that it doesn't know.
for arguments in "--minutes x" "--minutes" "--fast"; do
  "$bundle/run" $arguments > /dev/null 2>&1
  [[ $? -eq 2 ]] || { echo "run $arguments was not refused"; exit 1; }
done
echo "the bundle's script: pass"
