using System.Globalization;
using System.Text.RegularExpressions;
using Hadal.Chat;
using Hadal.Server.Http;
using Microsoft.AspNetCore.Http;

namespace Hadal.Server.Responses;

/// <summary>Errors of conversations name the fields of a chat; these are the fields of the Responses API in their place.</summary>
/// <param name="turns">Where each turn is.</param>
internal sealed partial class ResponsePaths(IReadOnlyList<TurnPaths> turns)
{
    /// <summary>Does what may refuse the conversation, and has the client read the error as it must.</summary>
    /// <exception cref="ApiException">It was refused.</exception>
    public async Task<T> TranslatingAsync<T>(Func<Task<T>> act)
    {
        try
        {
            return await act();
        }
        catch (ConversationException e)
        {
            throw Translate(e);
        }
    }

    /// <summary>The error, as the client must read it.</summary>
    private ApiException Translate(ConversationException error) =>
        new(StatusCodes.Status400BadRequest, Rewrite(error.Message), error)
        {
            Param = Rewrite(error.Path),
        };

    private string Rewrite(string text)
    {
        text = Messages().Replace(text, PathOf);
        text = ResponseFormat().Replace(text, "text.format");
        return Thinking().Replace(text, "reasoning");
    }

    private string PathOf(Match match)
    {
        int turn = int.Parse(match.Groups["turn"].Value, CultureInfo.InvariantCulture);
        if (turn >= turns.Count)
            return match.Value;
        (string path, IReadOnlyList<string> calls) = turns[turn];
        if (match.Groups["call"].Success)
        {
            int call = int.Parse(match.Groups["call"].Value, CultureInfo.InvariantCulture);
            string field = match.Groups["field"].Value switch
            {
                ".id" => ".call_id",
                ".function.arguments" => ".arguments",
                _ => "",
            };
            return call < calls.Count ? calls[call] + field : match.Value;
        }
        return match.Groups["rest"].Value switch
        {
            ".tool_call_id" => $"{path}.call_id",
            ".tool_calls" => string.Join(", ", calls),
            _ => path,
        };
    }

    [GeneratedRegex(
        @"messages\[(?<turn>\d{1,8})\](?<rest>\.tool_call_id|\.tool_calls(?:\[(?<call>\d{1,8})\](?<field>\.id|\.function\.arguments)?)?)?",
        RegexOptions.CultureInvariant
    )]
    private static partial Regex Messages();

    [GeneratedRegex(@"^response_format(?:\.json_schema)?", RegexOptions.CultureInvariant)]
    private static partial Regex ResponseFormat();

    [GeneratedRegex("^thinking", RegexOptions.CultureInvariant)]
    private static partial Regex Thinking();
}
