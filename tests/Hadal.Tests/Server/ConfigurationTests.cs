using Hadal.Checkpoints;
using Hadal.Model;
using Hadal.Server;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Hadal.Tests.Server;

/// <summary>Options come from the section <c>Hadal</c> of the configuration.</summary>
public sealed class ConfigurationTests
{
    [Fact]
    public void Settings_are_bound_by_their_names()
    {
        HadalOptions options = Read(
            ("Hadal:Model", Paths.EmbeddedModel),
            ("Hadal:Activations", "float32"),
            ("Hadal:Prefill", "byPosition"),
            ("Hadal:Mapping", "InMemory"),
            ("Hadal:Drafts", "auto"),
            ("Hadal:DrainTime", "00:00:07"),
            ("Hadal:AllowedHosts:0", "model.example"),
            ("Hadal:MaxPromptTokens", "100")
        );
        Assert.Equal(ActivationMode.Float32, options.Activations);
        Assert.Equal(PrefillForm.ByPosition, options.Prefill);
        Assert.Equal(WeightMapping.InMemory, options.Mapping);
        Assert.Equal("auto", options.Drafts);
        Assert.Equal(TimeSpan.FromSeconds(7), options.DrainTime);
        Assert.Equal(["model.example"], options.AllowedHosts);
        Assert.Equal(100, options.MaxPromptTokens);
    }

    [Fact]
    public void Code_has_the_last_word() =>
        Assert.Equal(
            5,
            Read(
                [("Hadal:Model", Paths.EmbeddedModel), ("Hadal:Threads", "3")],
                options => options.Threads = 5
            ).Threads
        );

    [Fact]
    public void A_value_that_cannot_be_is_refused_with_its_name() =>
        Assert.Contains(
            "Hadal:Activations",
            Assert
                .ThrowsAny<Exception>(() =>
                    Read(("Hadal:Model", Paths.EmbeddedModel), ("Hadal:Activations", "int4"))
                )
                .Message
        );

    private static HadalOptions Read(params (string Name, string Value)[] settings) =>
        Read(settings, null);

    private static HadalOptions Read(
        (string Name, string Value)[] settings,
        Action<HadalOptions>? configure
    )
    {
        IConfiguration configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(
                settings.Select(setting =>
                    KeyValuePair.Create(setting.Name, (string?)setting.Value)
                )
            )
            .Build();
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton(configuration);
        services.AddHadal(configure);
        using ServiceProvider provider = services.BuildServiceProvider();
        return provider.GetRequiredService<IOptions<HadalOptions>>().Value;
    }
}
