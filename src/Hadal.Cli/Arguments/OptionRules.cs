using System.CommandLine;
using System.Globalization;

namespace Hadal.Cli.Arguments;

/// <summary>Rules that several options share.</summary>
internal static class OptionRules
{
    /// <summary>Refuses smaller numbers while the command line is read.</summary>
    public static void MustBeAtLeast(this Option<int> option, int least) =>
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<int>() < least)
                result.AddError(
                    $"{option.Name} is {result.Tokens[^1].Value}; it must be at least {least}"
                );
        });

    /// <summary>Refuses other words.</summary>
    public static void MustBeOneOf(this Option<string> option, params string[] values) =>
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !values.Contains(result.Tokens[^1].Value))
                result.AddError(
                    $"{option.Name} is '{result.Tokens[^1].Value}'; it must be {string.Join(", ", values[..^1])} or {values[^1]}"
                );
        });

    /// <summary>Refuses a value that the library refuses, in the library's words.</summary>
    /// <param name="option">The option.</param>
    /// <param name="use">Hands the value to the library.</param>
    public static void MustSuit<T>(this Option<T?> option, Action<T> use)
        where T : struct =>
        option.Validators.Add(result =>
        {
            try
            {
                if (result.Tokens.Count > 0 && result.GetValueOrDefault<T?>() is { } value)
                    use(value);
            }
            catch (ArgumentOutOfRangeException e)
            {
                string rule = e.Message.Split(['\r', '\n', '('], 2)[0].Trim();
                result.AddError(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{option.Name} is {result.Tokens[^1].Value}: {rule}"
                    )
                );
            }
        });
}
