using System.Text;
using System.Text.Json;
using Hadal.Json;

namespace Hadal.Chat;

/// <summary>
/// Writes calls: V3.1's arguments as they are, V3.2's parameters as a JSON object. Not thread-safe.
/// </summary>
/// <param name="deltas">Where they go.</param>
internal sealed class CallWriter(DeltaWriter deltas)
{
    private readonly StringBuilder _held = new();
    private readonly StringBuilder _escaped = new();
    private bool _hasArguments;
    private bool _hasParameters;
    private bool _isInParameter;
    private bool _isString;

    /// <summary>Calls that have ended.</summary>
    public int Count { get; private set; }

    /// <summary>Whether a call has begun and not ended.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Begins a call.</summary>
    public void Begin(string name)
    {
        IsOpen = true;
        _hasArguments = false;
        _hasParameters = false;
        _held.Clear();
        deltas.Add(new ChatDelta(ChatDeltaKind.CallBegin, name, Count));
    }

    /// <summary>Adds to arguments that are the text of a JSON object.</summary>
    public void WriteArguments(ReadOnlySpan<char> text)
    {
        if (!_hasArguments && text.IsWhiteSpace())
        {
            _held.Append(text);
            return;
        }
        if (!_hasArguments)
        {
            Write(_held.ToString());
            _hasArguments = true;
        }
        Write(text);
    }

    /// <summary>Begins a parameter, and ends the one before it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="isString">Whether the value is a string as it stands.</param>
    public void BeginParameter(string name, bool isString)
    {
        EndParameter();
        Write(_hasArguments ? ", \"" : "{\"");
        _hasArguments = true;
        _hasParameters = true;
        _isInParameter = true;
        _isString = isString;
        WriteEscaped(name);
        Write(isString ? "\": \"" : "\": ");
    }

    /// <summary>Adds to the value of a parameter.</summary>
    public void WriteValue(ReadOnlySpan<char> text)
    {
        if (_isString)
            WriteEscaped(text);
        else
            _held.Append(text);
    }

    /// <summary>Ends a parameter, if one is open.</summary>
    public void EndParameter()
    {
        if (!_isInParameter)
            return;
        _isInParameter = false;
        if (_isString)
        {
            Write("\"");
            return;
        }
        string value = _held.ToString();
        _held.Clear();
        if (IsJson(value))
        {
            Write(value.AsSpan().Trim());
            return;
        }
        Write("\"");
        WriteEscaped(value);
        Write("\"");
    }

    /// <summary>Ends the call.</summary>
    public void End()
    {
        EndParameter();
        if (!_hasArguments)
            Write("{}");
        else if (_hasParameters)
            Write("}");
        deltas.Add(new ChatDelta(ChatDeltaKind.CallEnd, "", Count));
        IsOpen = false;
        Count++;
    }

    private static bool IsJson(string text)
    {
        var reader = new Utf8JsonReader(
            Encoding.UTF8.GetBytes(text),
            new JsonReaderOptions { MaxDepth = int.MaxValue }
        );
        try
        {
            while (reader.Read()) { }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private void Write(ReadOnlySpan<char> text) =>
        deltas.Write(ChatDeltaKind.CallArguments, text, Count);

    /// <summary>Writes a part of a JSON string.</summary>
    private void WriteEscaped(ReadOnlySpan<char> text)
    {
        foreach (ReadOnlyMemory<char> chunk in _escaped.Clear().AppendEscaped(text).GetChunks())
            Write(chunk.Span);
    }
}
