using System.Globalization;
using System.Text;
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
    /// <param name="ids">Gets its tokens.</param>
    /// <param name="cancellationToken">Gives the text up.</param>
    /// <returns>The text.</returns>
    public static string Write(
        Terminal terminal,
        InferenceRequest request,
        List<int> ids,
        CancellationToken cancellationToken
    )
    {
        var text = new StringBuilder();
        try
        {
            foreach (GeneratedToken token in request.Read(cancellationToken))
            {
                ids.Add(token.Id);
                text.Append(token.Text);
                terminal.WriteText(token.Text);
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
    public static string Describe(InferenceRequest request, DeepSeekModel model)
    {
        GenerationUsage usage = request.Usage;
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
                + $"{model.Device}, {model.Options.Activations}; seed {request.Seed}"
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
