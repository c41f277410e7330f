#!/usr/bin/env bash
# Hadal and ik_llama.cpp by turns, with the random model of 0.8 B: tokens a second of 512 tokens of a prompt and of 32 generated
# ones, after 0, 4096 and 16384 tokens.
#
#   bench/peers/sweep.sh FOLDER BUILD [--rounds N] [--threads N] [--contexts "0 4096 16384"] [--neighbours]
#
# FOLDER keeps the models, and each turn's figures in sweep.tsv. BUILD is where ik_llama.cpp was built:
#
#   cmake -S ik_llama.cpp -B BUILD -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DLLAMA_BUILD_TESTS=OFF
#   cmake --build BUILD --target llama-sweep-bench
#
# To compare without AVX-512, set HADAL_CPU_ISA=avx2 here, and -DGGML_NATIVE=OFF there. With --neighbours each turn is made once
# more beside a busy process on each core. Let nothing else run. ik_llama.cpp computes the contexts, which takes most of the time.
set -euo pipefail

fail() {
  echo "sweep.sh: $*" >&2
  exit 2
}

[[ $# -ge 2 ]] || fail "give a folder for the models, and ik_llama.cpp's build folder"
mkdir -p "$1"
folder=$(cd "$1" && pwd)
sweep=$2/bin/llama-sweep-bench
[[ -x $sweep ]] || fail "$sweep is not there: build ik_llama.cpp's target llama-sweep-bench"
sweep=$(realpath "$sweep")
shift 2
rounds=3
threads=2
contexts="0 4096 16384"
loads=(alone)
while [[ $# -gt 0 ]]; do
  case $1 in
    --rounds | --threads | --contexts)
      [[ ${2:-} =~ ^[0-9][0-9\ ]*$ ]] || fail "$1 is '${2:-}'; it must be a number, of --contexts some"
      declare "${1#--}=$2"
      shift 2
      ;;
    --neighbours)
      loads=(alone busy)
      shift
      ;;
    *) fail "$1 is none of --rounds, --threads, --contexts and --neighbours" ;;
  esac
done

# ik_llama.cpp computes a context by steps of 512 tokens, and measures at every so many of them.
longest=0
stride=0
for context in $contexts; do
  ((context % 512 == 0)) || fail "--contexts has $context; it must be a multiple of 512"
  longest=$((context > longest ? context : longest))
  step=$((context / 512))
  while ((step != 0)); do # The greatest common divisor.
    rest=$((stride % step))
    stride=$step
    step=$rest
  done
done
stride=$((stride > 0 ? stride : 1))

source "$(dirname "${BASH_SOURCE[0]}")/model.sh"
if [[ ! -f $model-dsa.gguf ]]; then
  synth "$folder/again" --gguf "$model-dsa.gguf" --gguf-architecture glm-dsa
  rm -r "$folder/again"
fi

busy=()
let_be() {
  [[ ${#busy[@]} -eq 0 ]] || kill "${busy[@]}"
  busy=()
}
trap let_be EXIT

make_busy() {
  local part core parts
  IFS=, read -ra parts <<< "$(awk '/^Cpus_allowed_list/ { print $2 }' /proc/self/status)"
  for part in "${parts[@]}"; do
    for ((core = ${part%-*}; core <= ${part#*-}; core++)); do
      taskset -c "$core" bash -c 'while :; do :; done' &
      busy+=($!)
    done
  done
}

# Both write lines: context, prefill and decode in tokens a second.
measure_ik() { # MODEL, options
  # It leaves a log where it runs.
  (cd "$folder" && "$sweep" -m "$@" -t "$threads" -c $((longest + 512)) -ub 512 -n 32 -ctk q8_0 -rtr -wb --sweep-stride "$stride" \
    --output-format jsonl) > "$folder/ik.log" 2>&1 || fail "ik_llama.cpp failed; $folder/ik.log tells why"
  if [[ ${HADAL_CPU_ISA:-} == avx2 ]] && grep -q 'HAVE_FANCY_SIMD is defined' "$folder/ik.log"; then
    fail "HADAL_CPU_ISA is avx2, and ik_llama.cpp was built with AVX-512; build it with -DGGML_NATIVE=OFF"
  fi
  sed -nE 's/.*"n_kv": ([0-9]+),.*"speed_pp": ([0-9.]+),.*"speed_tg": ([0-9.]+).*/\1\t\2\t\3/p' "$folder/ik.log"
}

measure_hadal() { # form
  # shellcheck disable=SC2086 # The tool is a command and its argument, and the contexts are several.
  $tool bench --model "$model" --threads "$threads" --contexts $contexts --decode 32 --no-dense --prefill "$1" \
    --csv "$folder/hadal.csv" > "$folder/hadal.log" 2>&1 || fail "hadal bench failed; $folder/hadal.log tells why"
  awk -F, -v OFS='\t' 'NR > 1 { print $1, 1000 / $3, 1000 / $4 }' "$folder/hadal.csv"
}

turn() { # LOAD NAME COMMAND...
  echo "round $round, $1: $2" >&2
  "${@:3}" > "$folder/turn.tsv"
  sed "s/^/$1\t$2\t/" "$folder/turn.tsv" >> "$folder/sweep.tsv"
}

: > "$folder/sweep.tsv"
for ((round = 1; round <= rounds; round++)); do
  for load in "${loads[@]}"; do
    [[ $load = alone ]] || make_busy
    turn "$load" "ik_llama.cpp, dense" measure_ik "$model.gguf"
    turn "$load" "ik_llama.cpp, -dsa" measure_ik "$model-dsa.gguf" -dsa
    turn "$load" "Hadal, absorbed" measure_hadal absorbed
    turn "$load" "Hadal, by-position" measure_hadal by-position
    let_be
  done
done

awk -F'\t' -v contexts="$contexts" -v loads="${loads[*]}" '
  function median(list, count, sorted, i, j, x) {
    count = split(list, sorted, " ")
    for (i = 2; i <= count; i++) {
      x = sorted[i] + 0
      for (j = i - 1; j > 0 && sorted[j] + 0 > x; j--) sorted[j + 1] = sorted[j]
      sorted[j + 1] = x
    }
    return (sorted[int((count + 1) / 2)] + sorted[int(count / 2) + 1]) / 2
  }
  function best(load, context, values) { # of ik_llama.cpp
    dense = values[load, "ik_llama.cpp, dense", context]
    dsa = values[load, "ik_llama.cpp, -dsa", context]
    return dense > dsa ? dense : dsa
  }
  function show(value, load, name, context, values) {
    printf "  %9.1f  %6.2f", value, value / best(load, context, values)
    if (load != "alone") printf "  %8.0f %%", 100 * value / values["alone", name, context]
  }
  {
    if (!($2 in seen)) { seen[$2]; names[++count] = $2 }
    prefills[$1, $2, $3] = prefills[$1, $2, $3] " " $4
    decodes[$1, $2, $3] = decodes[$1, $2, $3] " " $5
  }
  END {
    for (key in prefills) { prefill[key] = median(prefills[key]); decode[key] = median(decodes[key]) }
    split(contexts, after, " ")
    kinds = split(loads, load, " ")
    for (k = 1; k <= kinds; k++) {
      share = load[k] == "alone" ? "" : "    of alone"
      printf "\n%-6s %-20s  %9s  %6s%s  %9s  %6s%s\n", load[k], "", "prefill", "/ ik", share, "decode", "/ ik", share
      for (c = 1; c in after; c++)
        for (n = 1; n <= count; n++) {
          printf "%6d %-20s", after[c], names[n]
          show(prefill[load[k], names[n], after[c]], load[k], names[n], after[c], prefill)
          show(decode[load[k], names[n], after[c]], load[k], names[n], after[c], decode)
          print ""
        }
    }
    print "\nTokens a second, medians; / ik: over the better of ik_llama.cpp'\''s two."
  }' "$folder/sweep.tsv"
