using Hadal.Checkpoints;

namespace Hadal.Tests.Model;

/// <summary>One prompt of DeepSeek's reference: see tests/goldens/README.md.</summary>
internal sealed class Golden : IDisposable
{
    private readonly SafetensorsFile _file;

    public Golden(string model, int prompt)
    {
        Name = $"{model}/prompt-{prompt}";
        _file = SafetensorsFile.Open(Path.Combine(Paths.Goldens, $"{Name}.safetensors"));
    }

    public string Name { get; }

    public ReadOnlySpan<int> Ids => Ints("ids");

    /// <summary>The continuation, fed one a step after the prompt.</summary>
    public ReadOnlySpan<int> Tokens => Ints("tokens");

    public int Vocabulary => (int)_file["logits_f32"].Shape[1];

    public int Layers =>
        _file.Tensors.Keys.Count(k => k.StartsWith("hidden.", StringComparison.Ordinal));

    public bool Has(string name) => _file.Tensors.ContainsKey(name);

    public ReadOnlySpan<float> Logits(string run, int step) => FloatRow($"logits_{run}", step);

    public ReadOnlySpan<float> FloatRow(string name, int step) =>
        Row(_file[name].AsSpan<float>(), name, step);

    public ReadOnlySpan<int> IntRow(string name, int step) => Row(Ints(name), name, step);

    public void Dispose() => _file.Dispose();

    private ReadOnlySpan<int> Ints(string name) => _file[name].AsSpan<int>();

    private ReadOnlySpan<T> Row<T>(ReadOnlySpan<T> values, string name, int step)
    {
        int width = (int)_file[name].Shape[1];
        return values.Slice(step * width, width);
    }
}
