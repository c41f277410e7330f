using Hadal.Json;

namespace Hadal.Tokenization;

/// <summary>Gathers the added tokens of a file, of which no two may have the same text or id.</summary>
internal sealed class AddedTokenReader
{
    // Bounds what finding them in a text takes: at each place the longest of those that begin there is looked for.
    private const int MaxTokens = 1 << 16;
    private const int MaxLength = 128;

    private readonly HashSet<string> _contents = [];
    private readonly HashSet<int> _ids = [];

    /// <param name="path">What errors call the list.</param>
    /// <param name="count">How many the file has.</param>
    public AddedTokenReader(string path, int count)
    {
        if (count > MaxTokens)
            throw new TokenizerException($"{path}: has {count}, must have at most {MaxTokens}");
    }

    public List<AddedToken> Tokens { get; } = [];

    public AddedToken Add(JsonFields entry, int id)
    {
        string content = entry.Text("content");
        if (content.Length is 0 or > MaxLength)
            throw new TokenizerException(
                $"{entry.Path}.content: has {content.Length} characters, must have from 1 to {MaxLength}"
            );
        foreach (string name in (string[])["lstrip", "rstrip", "single_word"])
        {
            if (entry.IsTrue(name))
                throw new TokenizerException(
                    $"{entry.Path}.{name}: true is not supported ('{content}')"
                );
        }
        if (!_contents.Add(content) || !_ids.Add(id))
            throw new TokenizerException(
                $"{entry.Path}: '{QuotedText.Shorten(content)}' (id {id}) occurs twice"
            );
        var token = new AddedToken(id, content, entry.IsTrue("special"));
        Tokens.Add(token);
        return token;
    }
}
