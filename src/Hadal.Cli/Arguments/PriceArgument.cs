using System.CommandLine;
using System.Globalization;

namespace Hadal.Cli.Arguments;

/// <summary>What the machine costs.</summary>
internal sealed class PriceArgument
{
    private readonly Option<double?> _price = new("--price-per-hour")
    {
        Description =
            "What the machine costs an hour, in any currency: tells the cost of a million tokens in and out",
        HelpName = "price",
    };

    public PriceArgument(Command command)
    {
        _price.CustomParser = result =>
        {
            string text = result.Tokens[^1].Value;
            if (
                double.TryParse(
                    text,
                    NumberStyles.AllowDecimalPoint,
                    CultureInfo.InvariantCulture,
                    out double price
                ) && double.IsFinite(price)
            )
                return price;
            result.AddError($"{_price.Name} is '{text}'; it must be a number, such as 2.50");
            return null;
        };
        command.Add(_price);
    }

    /// <summary>It; null where it is not given.</summary>
    public double? PerHour(ParseResult result) => result.GetValue(_price);
}
