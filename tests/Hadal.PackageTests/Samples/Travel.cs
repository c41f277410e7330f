using System.ComponentModel;
using Microsoft.Extensions.AI;

namespace Samples;

public sealed record Trip(string City, string[] ToPack);

public static class Travel
{
    [Description("Tells the weather of a city")]
    private static string Weather(string city) => $"It rains in {city}";

    /// <summary>The model may call the tool; its answer is JSON of the record's schema, and can be nothing else.</summary>
    public static async Task<Trip> PlanAsync(IChatClient model)
    {
        IChatClient client = model.AsBuilder().UseFunctionInvocation().Build();
        var options = new ChatOptions { Tools = [AIFunctionFactory.Create(Weather)] };
        return (await client.GetResponseAsync<Trip>("What do I take to Bergen?", options)).Result;
    }
}
