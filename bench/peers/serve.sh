#!/usr/bin/env bash
# Hadal, in the default form of prefill and by position, and llama.cpp's own server under the same load by turns: the random model
# of 0.8 B, prompts of 512 tokens, two threads.
#
#   bench/peers/serve.sh FOLDER [OPTION of hadal-load turns]...
#
# FOLDER keeps the model and llama.cpp, which is built there from the sources that the package node-llama-cpp brings. With
# HADAL_CPU_ISA=avx2 both do without AVX-512. Let nothing else run: llama.cpp's threads wait actively.
set -euo pipefail
mkdir -p "${1:?give a folder for the model and llama.cpp}"
folder=$(cd "$1" && pwd)
shift
threads=2

source "$(dirname "${BASH_SOURCE[0]}")/model.sh"
dotnet build "$repository/bench/Hadal.Load" -c Release -v q

build=$folder/build
native=ON
if [[ ${HADAL_CPU_ISA:-} == avx2 ]]; then
  build=$folder/build-avx2
  native=OFF # which leaves AVX2 and FMA on
fi
if [[ ! -x $build/bin/llama-server ]]; then
  (
    cd "$folder"
    npm install --no-save --no-audit --no-fund --ignore-scripts node-llama-cpp@3.21.1
    [[ -d llama.cpp ]] || git clone -q node_modules/node-llama-cpp/llama/gitRelease.bundle llama.cpp
    cmake -S llama.cpp -B "$build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=$native \
      -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF
    cmake --build "$build" --target llama-server -j"$(nproc)"
  )
fi

# Places of 640 tokens; no copies of prompts that never come again. It closes used connections without saying so.
llama="$build/bin/llama-server -m $model.gguf --port {port} -t $threads -tb $threads -np 16 -c $((16 * 640)) -ub 512 --cache-ram 0 --no-webui 2> $folder/llama.log"
hadal="$tool serve --model $model --port {port} --threads $threads"
exec dotnet "$repository/bench/Hadal.Load/bin/Release/net10.0/Hadal.Load.dll" turns --server "llama.cpp=$llama" \
  --server "hadal=$hadal 2> $folder/hadal.log" --server "hadal by-position=$hadal --prefill by-position 2> $folder/by-position.log" \
  --connections 1 4 16 --prompt-tokens 512 --generate 48 --vocabulary 4096 --new-connections "$@"
