using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Hadal.Cli.Arguments;

/// <summary>Rules that several options share: what breaks one is refused while the command line is read.</summary>
internal static class OptionRules
{
    /// <summary>Takes whole numbers of a range alone.</summary>
    public static void MustBeFrom<T>(this Option<T> option, T least, T most)
        where T : struct, IBinaryInteger<T> =>
        option.CustomParser = result =>
            ReadWhole(option.Name, result, result.Tokens[^1], least, most);

    /// <inheritdoc cref="MustBeFrom{T}(Option{T}, T, T)"/>
    public static void MustBeFrom<T>(this Option<T?> option, T least, T most)
        where T : struct, IBinaryInteger<T> =>
        option.CustomParser = result =>
            ReadWhole(option.Name, result, result.Tokens[^1], least, most);

    /// <inheritdoc cref="MustBeFrom{T}(Option{T}, T, T)"/>
    public static void MustBeFrom<T>(this Option<T[]> option, T least, T most)
        where T : struct, IBinaryInteger<T> =>
        option.CustomParser = result =>
            [.. result.Tokens.Select(token => ReadWhole(option.Name, result, token, least, most))];

    /// <summary>Refuses other words.</summary>
    public static void MustBeOneOf(this Option<string> option, params string[] values) =>
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !values.Contains(result.Tokens[^1].Value))
                result.AddError(
                    $"{option.Name} is '{result.Tokens[^1].Value}'; it must be {string.Join(", ", values[..^1])} or {values[^1]}"
                );
        });

    /// <summary>Takes numbers, but for those that the library refuses, in the library's words.</summary>
    /// <param name="option">The option.</param>
    /// <param name="use">Hands the value to the library.</param>
    public static void MustSuit(this Option<float?> option, Action<float> use) =>
        option.CustomParser = result =>
        {
            string text = result.Tokens[^1].Value;
            if (
                !float.TryParse(
                    text,
                    NumberStyles.Float,
                    CultureInfo.InvariantCulture,
                    out float value
                )
            )
            {
                result.AddError($"{option.Name} is '{text}'; it must be a number");
                return null;
            }
            try
            {
                use(value);
            }
            catch (ArgumentOutOfRangeException e)
            {
                string rule = e.Message.Split(['\r', '\n', '('], 2)[0].Trim();
                result.AddError($"{option.Name} is {text}: {rule}");
            }
            return value;
        };

    private static T ReadWhole<T>(string name, ArgumentResult result, Token token, T least, T most)
        where T : struct, IBinaryInteger<T>
    {
        if (
            T.TryParse(
                token.Value,
                NumberStyles.AllowLeadingSign,
                CultureInfo.InvariantCulture,
                out T value
            )
            && value >= least
            && value <= most
        )
            return value;
        result.AddError(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{name} is '{token.Value}'; it must be a whole number from {least} to {most}"
            )
        );
        return least;
    }
}
