using System.Collections.ObjectModel;

namespace Hadal.Checkpoints;

/// <summary>
/// A model's folder in the Hugging Face layout, opened: its configuration, and its weights, mapped or read into memory as
/// <see cref="WeightMapping"/> says. Safe to read from several threads. A pointer or span got from one of its tensors must
/// not be in use while it is disposed of; a model loaded from it may.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private readonly List<SafetensorsFile> _files;
    private readonly ReadOnlyDictionary<string, TensorView> _tensors;

    private Checkpoint(
        string folder,
        byte[] configText,
        DeepSeekConfig config,
        List<SafetensorsFile> files,
        Dictionary<string, TensorView> tensors,
        List<string> notes
    )
    {
        Folder = folder;
        ConfigText = configText;
        Config = config;
        _files = files;
        _tensors = tensors.AsReadOnly();
        Notes = [.. notes.Select(QuotedText.Quote)];
    }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>What its <c>config.json</c> says, with the layers that are opened: those that are there, or were asked for.</summary>
    public DeepSeekConfig Config { get; }

    /// <summary>The files of its weights.</summary>
    public IReadOnlyList<SafetensorsFile> Files => _files;

    /// <summary>The weights of the model and their scales by name, without tensors that the model has no use for.</summary>
    public IReadOnlyDictionary<string, TensorView> Tensors => _tensors;

    /// <summary>What was passed over, and what is not as <c>config.json</c> says, in sentences for people; mostly empty.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>The weight of a name.</summary>
    /// <exception cref="CheckpointException">There is none of that name.</exception>
    public TensorView this[string name] =>
        _tensors.TryGetValue(name, out TensorView tensor)
            ? tensor
            : throw new CheckpointException($"{Folder}: has no tensor '{name}'");

    /// <summary>The bytes of its <c>config.json</c>.</summary>
    internal byte[] ConfigText { get; }

    /// <summary>Opens a folder: reads its configuration and the headers of its weights, and checks both.</summary>
    /// <param name="folder">
    /// Holds <c>config.json</c>, and <c>model.safetensors</c> or <c>model.safetensors.index.json</c> with its shards.
    /// </param>
    /// <param name="options">What to open and how; null for all of it, mapped.</param>
    /// <param name="progress">Is told of each file opened.</param>
    /// <param name="cancellationToken">Looked at between files, and while one is read.</param>
    /// <exception cref="CheckpointException">Something is missing, broken or not supported.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The options ask for more layers than there are, or for none.</exception>
    /// <exception cref="DeviceMemoryException">
    /// The host has too little free memory for <see cref="WeightMapping.InMemory"/>; no weight was read.
    /// </exception>
    public static Checkpoint Open(
        string folder,
        CheckpointOptions? options = null,
        IProgress<CheckpointProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        options ??= new CheckpointOptions();
        byte[] configText = CheckpointFolder.ReadConfig(folder);
        DeepSeekConfig config = DeepSeekConfig.Parse(configText);
        var notes = new List<string>();
        Predicate<string>? needs = null;
        if (options.Layers is { } layers)
        {
            notes.Add(
                $"only the first {layers} of {config.NumHiddenLayers} layers are opened, without multi-token prediction"
            );
            config = Cut(config, layers);
            var map = new WeightMap(config);
            needs = name => map.Find(WeightSpec.WithoutScaleSuffix(name)) is not null;
        }
        (string[] names, Dictionary<string, string>? index) = CheckpointFolder.FindWeights(
            folder,
            needs,
            notes
        );
        var files = new List<SafetensorsFile>();
        try
        {
            if (options.Mapping == WeightMapping.InMemory)
                RequireMemory(
                    folder,
                    names.Sum(name => new FileInfo(Path.Combine(folder, name)).Length)
                );
            foreach (string name in names)
            {
                cancellationToken.ThrowIfCancellationRequested();
                files.Add(
                    SafetensorsFile.Open(
                        Path.Combine(folder, name),
                        options.Mapping,
                        cancellationToken
                    )
                );
                progress?.Report(new CheckpointProgress(name, files.Count, names.Length));
            }
            Dictionary<string, TensorView> tensors = Gather(folder, index, files, needs);
            if (needs is null)
                config = Predictors.Match(config, tensors, notes);
            return new Checkpoint(
                folder,
                configText,
                config,
                files,
                WeightCheck.Check(folder, config, tensors, notes),
                notes
            );
        }
        catch
        {
            files.ForEach(static file => file.Dispose());
            throw;
        }
    }

    /// <summary>Closes its files: the weights can't be reached any more, but by models that were loaded from them.</summary>
    public void Dispose() => _files.ForEach(static file => file.Dispose());

    private static void RequireMemory(string folder, long bytes)
    {
        using Device host = Device.Cpu(threads: 1);
        long free = host.FreeMemoryBytes;
        if (bytes > free)
            throw new DeviceMemoryException(
                $"{folder}: its weights take {DeviceMemoryException.Megabytes(bytes)}, but the host has {DeviceMemoryException.Megabytes(free)} of memory free; "
                    + $"open it with {nameof(WeightMapping)}.{nameof(WeightMapping.Mapped)}",
                bytes,
                free
            );
    }

    private static DeepSeekConfig Cut(DeepSeekConfig config, int layers) =>
        layers >= 1 && layers <= config.NumHiddenLayers
            ? config with
            {
                NumHiddenLayers = layers,
                FirstKDenseReplace = Math.Min(config.FirstKDenseReplace, layers),
                NumNextnPredictLayers = 0,
                Indexer = config.Indexer is { } indexer
                    ? indexer with
                    {
                        Kinds = [.. indexer.Kinds.Take(layers)],
                    }
                    : null,
            }
            : throw new ArgumentOutOfRangeException(
                nameof(layers),
                layers,
                $"must be from 1 to {config.NumHiddenLayers}, as many as the checkpoint has"
            );

    /// <summary>
    /// The needed tensors by name, each from the shard that the index names; where there is none, from the one file.
    /// </summary>
    private static Dictionary<string, TensorView> Gather(
        string folder,
        Dictionary<string, string>? index,
        List<SafetensorsFile> files,
        Predicate<string>? needs
    )
    {
        var tensors = new Dictionary<string, TensorView>();
        var problems = new ProblemList();
        foreach (SafetensorsFile file in files)
        {
            string shard = Path.GetFileName(file.Path);
            foreach ((string name, TensorView tensor) in file.Tensors)
            {
                if (needs is not null && !needs(name))
                    continue;
                if (index is null || index.GetValueOrDefault(name) == shard)
                    tensors.Add(name, tensor);
                else
                    problems.Add(
                        $"'{name}' is in {shard}, but the index {(index.TryGetValue(name, out string? other) ? $"says {other}" : "has no such tensor")}"
                    );
            }
        }
        foreach ((string name, string shard) in index ?? [])
        {
            if (!tensors.ContainsKey(name) && (needs is null || needs(name)))
                problems.Add($"'{name}' is not in {shard}, where the index says it is");
        }
        if (problems.Count > 0)
            throw new CheckpointException(
                $"{folder}: index and shards disagree about {problems.Count} tensors",
                problems
            );
        return tensors;
    }
}
