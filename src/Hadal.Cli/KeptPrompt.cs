using System.Globalization;
using Hadal.Caching;
using Hadal.Inference;

namespace Hadal.Cli;

/// <summary>A prompt whose computed beginning is kept in a file from one run to the next.</summary>
internal sealed class KeptPrompt
{
    private readonly InferenceEngine _engine;
    private readonly int[] _prompt;
    private readonly string? _path;
    private readonly LoadedPrefix _loaded;

    /// <summary>Loads what the file holds, where there is one.</summary>
    /// <param name="engine">The engine that computes the prompt.</param>
    /// <param name="prompt">Its ids.</param>
    /// <param name="file">The file; null keeps nothing.</param>
    /// <exception cref="CacheFileException">The file is no such file, or of another model or other options.</exception>
    public KeptPrompt(InferenceEngine engine, int[] prompt, FileInfo? file)
    {
        _engine = engine;
        _prompt = prompt;
        _path = file?.FullName;
        if (file is { Exists: true })
            _loaded = engine.LoadPrefix(file.FullName);
    }

    /// <summary>Tokens that <see cref="Save"/> wrote.</summary>
    public int SavedTokens { get; private set; }

    /// <summary>Saves what was computed of the prompt, where the file holds less of it and nothing else.</summary>
    /// <param name="request">The prompt's request, ended.</param>
    /// <returns>What the file was good for, in a line; null without a file.</returns>
    /// <exception cref="CacheFileException">It can't be written.</exception>
    public string? Save(InferenceRequest request)
    {
        if (_path is null)
            return null;
        int cached = request.Usage.CachedTokens;
        string loaded =
            _loaded.FileTokens == 0
                ? ""
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{cached} of {_prompt.Length} tokens of the prompt were in {_path}; "
                );
        // A hit leaves a token to compute.
        int most = (_prompt.Length - 1) / PagedCache.PageTokens * PagedCache.PageTokens;
        if (cached < Math.Min(_loaded.Tokens, most))
            return $"{loaded}the file goes on with another prompt, and is left as it is";
        if (_prompt.Length / PagedCache.PageTokens * PagedCache.PageTokens <= _loaded.FileTokens)
            return $"{loaded}nothing is new";
        SavedTokens = _engine.SavePrefix(_path, _prompt);
        return SavedTokens == 0
            ? $"{loaded}nothing is saved: a prompt must have {PagedCache.PageTokens} tokens"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{loaded}{SavedTokens} are saved in {_path}, {Units.Bytes(new FileInfo(_path).Length)}"
            );
    }
}
