using System.Globalization;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;

namespace Hadal.Cli;

/// <summary>Writes a text while it is being generated.</summary>
internal static class TextStream
{
    /// <summary>Writes to the end of the text; when cancelled, ends the line first.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="request">The text.</param>
    /// <param name="cancellationToken">Gives the text up.</param>
    public static void Write(
        Terminal terminal,
        InferenceRequest request,
        CancellationToken cancellationToken
    )
    {
        try
        {
            foreach (GeneratedToken token in request.Read(cancellationToken))
            {
                terminal.WriteText(token.Text);
                terminal.Output.Flush();
            }
        }
        finally
        {
            terminal.Output.WriteLine();
        }
    }

    /// <summary>Speeds, and what they were reached on, in one line.</summary>
    public static string Describe(GenerationUsage usage, ulong seed, DeepSeekModel model)
    {
        string cached = usage.CachedTokens > 0 ? $" after {usage.CachedTokens} in the cache" : "";
        string drafts =
            usage.DraftedTokens > 0
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"drafts {usage.AcceptedTokens} of {usage.DraftedTokens} right ({ByPlace(usage)}), {usage.TokensPerStep:0.00} tokens a step; "
                )
                : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"prefill {usage.PromptTokens - usage.CachedTokens} tokens{cached}, {usage.PrefillTokensPerSecond:0.0} tokens/s; "
                + $"decode {usage.GeneratedTokens} tokens, {usage.DecodeTokensPerSecond:0.0} tokens/s; {drafts}"
                + $"{model.Device}, {model.Options.Activations}; seed {seed}"
        );
    }

    private static string ByPlace(GenerationUsage usage) =>
        string.Join(
            ", ",
            usage
                .DraftedByPlace.Zip(usage.AcceptedByPlace)
                .Where(place => place.First > 0)
                .Select(place =>
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{(double)place.Second / place.First:0 %}"
                    )
                )
        );
}
