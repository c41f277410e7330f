using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Hadal.Cli.Arguments;
using Hadal.Tokenization;
using Spectre.Console;

namespace Hadal.Cli.Commands;

/// <summary><c>hadal tokenize</c>: the tokens of a text, or the text of tokens.</summary>
internal sealed class TokenizeCommand : Command
{
    private readonly Terminal _terminal;
    private readonly TextArguments _text;
    private readonly BosArguments _bos;
    private readonly ModelArguments _model;
    private readonly JsonArgument _json;
    private readonly Option<bool> _decode = new("--decode")
    {
        Description =
            "The other way: takes token ids, apart by spaces or commas, and writes their text",
    };
    private readonly Option<bool> _special = new("--special")
    {
        Description =
            "Reads special tokens that the text spells out, instead of taking them as text",
    };

    public TokenizeCommand(Terminal terminal)
        : base("tokenize", "Shows the tokens of a text, or the text of tokens")
    {
        _terminal = terminal;
        _text = new TextArguments(this, terminal, "text", "The text");
        _model = new ModelArguments(this);
        Add(_decode);
        _bos = new BosArguments(this);
        Add(_special);
        _json = new JsonArgument(this);
        SetAction(RunAsync);
    }

    private async Task RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        string text = await _text.ReadAsync(result, cancellationToken).ConfigureAwait(false);
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(_model.Folder(result));
        int[] ids = result.GetValue(_decode)
            ? TokenIds.Parse(text, tokenizer.VocabularySize)
            : _bos.Encode(result, tokenizer, text, cancellationToken, result.GetValue(_special));
        if (_json.IsGiven(result))
            _terminal.ShowJson(json => Write(json, tokenizer, ids));
        else if (result.GetValue(_decode))
            ShowText(tokenizer.Decode(ids));
        else
            Show(tokenizer, ids);
    }

    private static void Write(Utf8JsonWriter json, DeepSeekTokenizer tokenizer, int[] ids)
    {
        json.WriteNumber("count", ids.Length);
        json.WriteStartArray("ids");
        foreach (int id in ids)
            json.WriteNumberValue(id);
        json.WriteEndArray();
        json.WriteString("text", tokenizer.Decode(ids));
    }

    private void ShowText(string text)
    {
        _terminal.WriteText(text);
        _terminal.Output.WriteLine();
    }

    private void Show(DeepSeekTokenizer tokenizer, int[] ids)
    {
        Table table = new Table()
            .Border(TableBorder.Simple)
            .AddColumn("position", c => c.RightAligned())
            .AddColumn("id", c => c.RightAligned())
            .AddColumn("token");
        for (int i = 0; i < ids.Length; i++)
        {
            table.AddRow(
                new Text(i.ToString(CultureInfo.InvariantCulture)),
                new Text(ids[i].ToString(CultureInfo.InvariantCulture)),
                new Text(Spell(tokenizer.GetBytes(ids[i])))
            );
        }
        _terminal.Show(table);
    }

    /// <summary>
    /// A token's text in quotes; bytes that are no text of their own, or that <see cref="Printable"/> hides, as <c>\xNN</c>.
    /// </summary>
    private static string Spell(ReadOnlySpan<byte> bytes)
    {
        var spelt = new StringBuilder("'");
        while (!bytes.IsEmpty && spelt.Length < Printable.MaxLength)
        {
            bool whole =
                Rune.DecodeFromUtf8(bytes, out Rune rune, out int length)
                == System.Buffers.OperationStatus.Done;
            if (whole && !Printable.IsHidden(rune.Value))
                spelt.Append(rune.ToString());
            else
                foreach (byte b in bytes[..length])
                    spelt.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}");
            bytes = bytes[length..];
        }
        return spelt.Append(bytes.IsEmpty ? "'" : "…").ToString();
    }
}
