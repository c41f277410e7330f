using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hadal.Checkpoints;
using Hadal.Cli.Arguments;
using Hadal.Cli.Gguf;
using Hadal.Cli.Synthesis;

namespace Hadal.Cli.Commands;

/// <summary><c>hadal synth</c>: a checkpoint of random weights in the real layout, to measure with.</summary>
internal sealed class SynthCommand : Command
{
    private const long Megabyte = 1_000_000;

    private readonly Terminal _terminal;
    private readonly Argument<string> _folder = new("folder")
    {
        Description = "The folder to write; it must not exist yet",
    };
    private readonly Option<FileInfo?> _config = new("--config", "-c")
    {
        Description = "The config.json to make weights for",
        HelpName = "path",
    };
    private readonly Option<string?> _preset = new("--preset", "-p")
    {
        Description = $"Takes a built-in configuration: {Preset.Description}",
        HelpName = "name",
    };
    private readonly Option<int?> _layers = new("--layers")
    {
        Description = "Replaces num_hidden_layers",
        HelpName = "count",
    };
    private readonly Option<int?> _experts = new("--experts")
    {
        Description = "Replaces n_routed_experts",
        HelpName = "count",
    };
    private readonly Option<string> _scales = new("--scales")
    {
        Description =
            "The scales of FP8 blocks: power-of-two, as V3.1 and V3.2 have them, or general, as V3 and R1",
        HelpName = "kind",
        DefaultValueFactory = _ => "power-of-two",
    };
    private readonly Option<ulong> _seed = new("--seed")
    {
        Description = "The same seed gives the same bytes",
        HelpName = "number",
        DefaultValueFactory = _ => 1,
    };
    private readonly Option<int> _shard = new("--shard-size")
    {
        Description = "Megabytes of weights in a file",
        HelpName = "megabytes",
        DefaultValueFactory = _ => 4000,
    };
    private readonly Option<DirectoryInfo?> _tokenizer = new("--tokenizer")
    {
        Description =
            "Writes the tokenizer of this checkpoint too; every id that it lacks gets a text, so that the model can be served",
        HelpName = "folder",
    };
    private readonly Option<FileInfo?> _gguf = new("--gguf")
    {
        Description =
            "Writes the same weights as a GGUF file too, matrices in Q8_0, for llama.cpp and ik_llama.cpp; "
            + "it must not exist yet",
        HelpName = "path",
    };
    private readonly Option<string?> _architecture = new("--gguf-architecture")
    {
        Description =
            "What the file says that it is: deepseek2, dense and known to both (the default); deepseek32, with the "
            + "indexer for llama.cpp; glm-dsa, with the indexer for ik_llama.cpp",
        HelpName = "name",
    };

    public SynthCommand(Terminal terminal)
        : base("synth", "Writes a checkpoint of random weights in the real layout, to measure with")
    {
        _terminal = terminal;
        _scales.MustBeOneOf("power-of-two", "general");
        _shard.MustBeFrom(1, int.MaxValue);
        _layers.MustBeFrom(1, int.MaxValue);
        _experts.MustBeFrom(1, int.MaxValue);
        _seed.MustBeFrom(ulong.MinValue, ulong.MaxValue);
        Add(_folder);
        Add(_config);
        Add(_preset);
        Add(_layers);
        Add(_experts);
        Add(_scales);
        Add(_seed);
        Add(_shard);
        Add(_tokenizer);
        Add(_gguf);
        Add(_architecture);
        SetAction(RunAsync);
    }

    private async Task RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        if (result.GetValue(_folder) is not { Length: > 0 } path)
            throw new UsageException("<folder> is empty; it must be the folder to write");
        string folder = Path.GetFullPath(path);
        JsonObject config = await ReadConfigAsync(result, cancellationToken).ConfigureAwait(false);
        if (result.GetValue(_layers) is { } layers)
            SetLayers(config, layers);
        if (result.GetValue(_experts) is { } experts)
            config["n_routed_experts"] = experts;
        var checkpoint = new RandomCheckpoint(Serialize(config), result.GetValue(_shard) * Megabyte)
        {
            Seed = result.GetValue(_seed),
            Scales =
                result.GetValue(_scales) == "general" ? ScaleKind.General : ScaleKind.PowersOfTwo,
        };
        GgufArchitecture? architecture = ReadArchitecture(result);
        string? tokenizer = ReadTokenizer(result);
        if (Path.Exists(folder))
            throw new UsageException($"{folder} exists already; nothing is overwritten");
        string? gguf = result.GetValue(_gguf)?.FullName;
        if (Path.Exists(gguf))
            throw new UsageException($"{gguf} exists already; nothing is overwritten");
        Directory.CreateDirectory(folder);
        try
        {
            // Both files' room is asked for before hours of writing.
            using GgufWriter? writer = gguf is null
                ? null
                : GgufModel.Create(
                    gguf,
                    DeepSeekConfig.Parse(Serialize(config)),
                    architecture ?? GgufArchitecture.DeepSeek2
                );
            RequireRoom(folder, checkpoint.TotalBytes);
            if (tokenizer is not null)
                FilledTokenizer.Write(
                    tokenizer,
                    folder,
                    DeepSeekConfig.Parse(Serialize(config)).VocabSize
                );
            ProgressBar.Show(
                _terminal,
                $"writing {Units.Bytes(checkpoint.TotalBytes)}",
                checkpoint.TotalBytes,
                report => checkpoint.Write(folder, bytes => report(bytes), cancellationToken)
            );
            if (writer is not null)
                WriteGguf(writer, folder, cancellationToken);
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
        await _terminal
            .Output.WriteLineAsync(
                $"{Printable.Line(folder)}: {Units.Bytes(checkpoint.TotalBytes)} of weights in {checkpoint.ShardCount} file{(checkpoint.ShardCount == 1 ? "" : "s")}"
            )
            .ConfigureAwait(false);
    }

    private void WriteGguf(GgufWriter writer, string folder, CancellationToken cancellationToken)
    {
        using Checkpoint checkpoint = Checkpoint.Open(folder, cancellationToken: cancellationToken);
        ProgressBar.Show(
            _terminal,
            $"writing {Units.Bytes(writer.TotalBytes)} of GGUF",
            writer.TotalBytes,
            report => writer.Write(checkpoint, bytes => report(bytes), cancellationToken)
        );
    }

    private string? ReadTokenizer(ParseResult result)
    {
        if (result.GetValue(_tokenizer) is not { } folder)
            return null;
        foreach (string file in FilledTokenizer.Files)
        {
            if (!File.Exists(Path.Combine(folder.FullName, file)))
                throw new UsageException($"--tokenizer: {folder.FullName} has no {file}");
        }
        return folder.FullName;
    }

    private GgufArchitecture? ReadArchitecture(ParseResult result)
    {
        if (result.GetValue(_architecture) is not { } name)
            return null;
        if (result.GetValue(_gguf) is null)
            throw new UsageException("--gguf-architecture tells of a GGUF file; give --gguf too");
        GgufArchitecture[] all = Enum.GetValues<GgufArchitecture>();
        string[] names = [.. all.Select(GgufModel.Name)];
        int index = Array.IndexOf(names, name);
        return index >= 0
            ? all[index]
            : throw new UsageException(
                $"--gguf-architecture is '{name}'; it must be one of {string.Join(", ", names)}"
            );
    }

    private async Task<JsonObject> ReadConfigAsync(
        ParseResult result,
        CancellationToken cancellationToken
    )
    {
        FileInfo? file = result.GetValue(_config);
        string? preset = result.GetValue(_preset);
        if ((file is null) == (preset is null))
            throw new UsageException("give either --config or --preset");
        if (preset is not null)
            return Preset.Names.Contains(preset)
                ? Preset.Config(preset)
                : throw new UsageException(
                    $"--preset is '{preset}'; it must be one of {string.Join(", ", Preset.Names)}"
                );
        try
        {
            using FileStream stream = file!.OpenRead();
            JsonNode? node = await JsonNode
                .ParseAsync(stream, cancellationToken: cancellationToken)
                .ConfigureAwait(false);
            return node as JsonObject
                ?? throw new CheckpointException($"{file.FullName}: must be a JSON object");
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw new CheckpointException($"{file!.FullName}: is broken: {e.Message}", e);
        }
    }

    /// <summary>With the first layers' kinds of those that the configuration lists one by one.</summary>
    private static void SetLayers(JsonObject config, int layers)
    {
        config["num_hidden_layers"] = layers;
        foreach (string kinds in (string[])["indexer_types", "layer_types", "mlp_layer_types"])
        {
            if (config[kinds] is JsonArray all && all.Count > layers)
                all.RemoveRange(layers, all.Count - layers);
        }
    }

    private static byte[] Serialize(JsonObject config)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true }))
            config.WriteTo(writer);
        return bytes.ToArray();
    }

    /// <exception cref="IOException">The weights would not fit: said before hours of writing.</exception>
    private static void RequireRoom(string folder, long bytes)
    {
        long free = new DriveInfo(folder).AvailableFreeSpace;
        if (free < bytes)
            throw new IOException(
                $"{folder}: the weights take {Units.Bytes(bytes)}, and the disk has {Units.Bytes(free)}"
            );
    }
}
