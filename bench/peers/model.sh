# For the scripts beside: builds the tool, and writes the random model of 0.8 B into $folder unless it is there. Sets
# $repository, $tool and $model; "$model.gguf" has the same weights as Q8_0.
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tool="dotnet $repository/src/Hadal.Cli/bin/Release/net10.0/Hadal.Cli.dll"
model=$folder/v3-800m

synth() { # FOLDER, options
  $tool synth "$1" --preset v3-800m --tokenizer "$repository/tests/models/kjv-shakespeare-v32" "${@:2}" >&2
}

dotnet build "$repository/src/Hadal.Cli" -c Release -v q >&2
[[ -d $model ]] || synth "$model" --gguf "$model.gguf"
