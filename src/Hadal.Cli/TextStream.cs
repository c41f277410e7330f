using System.Globalization;
using Hadal.Generation;
using Hadal.Model;

namespace Hadal.Cli;

/// <summary>Writes a text while it is being generated.</summary>
internal static class TextStream
{
    /// <summary>Writes to the end of the text; when cancelled, ends the line first.</summary>
    /// <returns>The text.</returns>
    public static string Write(
        Terminal terminal,
        TextGeneration generation,
        CancellationToken cancellationToken
    )
    {
        var text = new System.Text.StringBuilder();
        try
        {
            while (generation.MoveNext(cancellationToken))
            {
                text.Append(generation.Text);
                terminal.WriteText(generation.Text);
                terminal.Output.Flush();
            }
            return text.ToString();
        }
        finally
        {
            terminal.Output.WriteLine();
        }
    }

    /// <summary>Speeds, and what they were reached on, in one line.</summary>
    public static string Describe(TextGeneration generation, DeepSeekModel model)
    {
        GenerationUsage usage = generation.Usage;
        string cached = usage.CachedTokens > 0 ? $" after {usage.CachedTokens} in the cache" : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"prefill {usage.PromptTokens - usage.CachedTokens} tokens{cached}, {usage.PrefillTokensPerSecond:0.0} tokens/s; "
                + $"decode {usage.GeneratedTokens} tokens, {usage.DecodeTokensPerSecond:0.0} tokens/s; "
                + $"{model.Device}, {model.Options.Activations}; seed {generation.Seed}"
        );
    }
}
