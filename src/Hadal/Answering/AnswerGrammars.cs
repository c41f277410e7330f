using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Hadal.Chat;
using Hadal.Grammars;

namespace Hadal.Answering;

/// <summary>Compiles what answers must look like, and keeps the last of it, as clients send the same tools again. Thread-safe.</summary>
/// <param name="format">The model's format.</param>
internal sealed class AnswerGrammars(ChatFormat format)
{
    private const int MostKept = 64;

    // A state takes about 40 bytes, and of those that texts come to as much again.
    private const int MostStates = 1 << 21;

    private readonly Lock _lock = new();
    private int _states;
    private readonly Dictionary<string, LinkedListNode<(string Key, Grammar Grammar)>> _byKey = [];
    private readonly LinkedList<(string Key, Grammar Grammar)> _latest = []; // The last used first.

    /// <summary>Grammars that were compiled so far.</summary>
    public int Compiled { get; private set; }

    /// <summary>What an answer must look like after its thought; null for any text.</summary>
    /// <param name="request">The request, checked.</param>
    /// <param name="tools">The tools that the prompt tells of.</param>
    /// <exception cref="GrammarException">A schema can't be kept to.</exception>
    public Grammar? Of(ChatRequest request, IReadOnlyList<ToolDefinition> tools)
    {
        if (request.Format.Grammar is { } grammar)
            return grammar;
        ToolChoice choice = request.ToolChoice;
        ToolDefinition[] callable =
        [
            .. tools.Where(tool => choice.ToolName is null || tool.Name == choice.ToolName),
        ];
        JsonElement? schema = request.Format.Schema;
        if (callable.Length == 0 && schema is null)
            return null;
        string asked = string.Join(
            '\n',
            [
                $"{choice.IsRequired} {request.ParallelToolCalls} {callable.Length}",
                .. callable.Select(static tool => $"{tool.SchemaUse} {tool.Function.GetRawText()}"),
                schema?.GetRawText(),
            ]
        );
        string key = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(asked)));
        return Find(key)
            ?? Add(key, Compile(callable, schema, choice.IsRequired, request.ParallelToolCalls));
    }

    private Grammar Compile(
        ToolDefinition[] tools,
        JsonElement? schema,
        bool isRequired,
        bool parallel
    )
    {
        try
        {
            return CompileAll(tools, schema, isRequired, parallel);
        }
        catch (GrammarException)
            when (tools.Any(tool => tool.SchemaUse == ToolSchemaUse.KeptWherePossible))
        {
            return CompileAll([.. tools.Select(Possible)], schema, isRequired, parallel);
        }
    }

    /// <summary>A tool whose schema can't be kept to, and need not be, as one that is only told of.</summary>
    private ToolDefinition Possible(ToolDefinition tool)
    {
        if (tool.SchemaUse != ToolSchemaUse.KeptWherePossible)
            return tool;
        try
        {
            _ = Grammar.FromTools(format, [tool], required: true);
            return tool;
        }
        catch (GrammarException)
        {
            return new ToolDefinition(tool.Function) { SchemaUse = ToolSchemaUse.Told };
        }
    }

    private Grammar CompileAll(
        ToolDefinition[] tools,
        JsonElement? schema,
        bool isRequired,
        bool parallel
    ) =>
        (tools.Length > 0, schema) switch
        {
            (true, { } json) when !isRequired => Grammar.FromToolsOrJsonSchema(
                format,
                tools,
                json,
                parallel
            ),
            (true, _) => Grammar.FromTools(format, tools, isRequired, parallel),
            _ => Grammar.FromJsonSchema(schema!.Value),
        };

    private Grammar? Find(string key)
    {
        lock (_lock)
        {
            if (!_byKey.TryGetValue(key, out var kept))
                return null;
            _latest.Remove(kept);
            _latest.AddFirst(kept);
            return kept.Value.Grammar;
        }
    }

    private Grammar Add(string key, Grammar grammar)
    {
        lock (_lock)
        {
            Compiled++;
            // Another request may have compiled the same meanwhile; its states are kept, so it is the better one.
            if (_byKey.TryGetValue(key, out var kept))
                return kept.Value.Grammar;
            _byKey.Add(key, _latest.AddFirst((key, grammar)));
            _states += grammar.StateCount;
            while (_latest.Count > MostKept || (_states > MostStates && _latest.Count > 1))
            {
                _states -= _latest.Last!.Value.Grammar.StateCount;
                _byKey.Remove(_latest.Last.Value.Key);
                _latest.RemoveLast();
            }
            return grammar;
        }
    }
}
