using Hadal.Cli;
using Hadal.Cli.Hub;

namespace Hadal.Tests.Cli.Pulling;

public sealed class HubSettingsTests
{
    private static string Home { get; } =
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    [Fact]
    public void WithoutVariablesItIsHuggingFace()
    {
        HubSettings settings = Read();
        Assert.Equal("https://huggingface.co/", settings.Endpoint.AbsoluteUri);
        Assert.Null(settings.Token);
        Assert.Equal(Path.Combine(Home, ".cache", "huggingface", "hub"), settings.CacheFolder);
    }

    [Fact]
    public void TheCacheIsWhereTheVariablesSay()
    {
        Assert.Equal(
            Path.GetFullPath("/x/huggingface/hub"),
            Read(("XDG_CACHE_HOME", "/x")).CacheFolder
        );
        Assert.Equal(
            Path.GetFullPath("/h/hub"),
            Read(("XDG_CACHE_HOME", "/x"), ("HF_HOME", "/h")).CacheFolder
        );
        Assert.Equal(
            Path.GetFullPath("/c"),
            Read(("HF_HOME", "/h"), ("HF_HUB_CACHE", "/c")).CacheFolder
        );
        Assert.Equal(Path.Combine(Home, "c"), Read(("HF_HUB_CACHE", "~/c")).CacheFolder);
        Assert.Equal(
            Path.GetFullPath("/h/hub"),
            Read(("HF_HOME", "/h"), ("HF_HUB_CACHE", "")).CacheFolder
        );
    }

    [Theory]
    [InlineData("huggingface.co")]
    [InlineData("ftp://huggingface.co")]
    [InlineData("https://user:password@huggingface.co")]
    [InlineData("https://huggingface.co?x=y")]
    public void AnAddressThatIsNoneIsRefused(string address)
    {
        UsageException e = Assert.Throws<UsageException>(() => Read(("HF_ENDPOINT", address)));
        Assert.Contains("HF_ENDPOINT", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("password", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATokenIsNotSentReadableThroughANetwork()
    {
        (string, string) token = ("HF_TOKEN", "hf_secret");
        UsageException e = Assert.Throws<UsageException>(() =>
            Read(token, ("HF_ENDPOINT", "http://hub.example"))
        );
        Assert.Contains("unset HF_TOKEN", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hf_secret", e.Message, StringComparison.Ordinal);
        Assert.Equal("hf_secret", Read(token, ("HF_ENDPOINT", "http://127.0.0.1:80")).Token);
        Assert.Equal("hf_secret", Read(token, ("HF_ENDPOINT", "https://hub.example")).Token);
        Assert.Null(Read(("HF_ENDPOINT", "http://hub.example")).Token);
    }

    [Theory]
    [InlineData("hf secret")]
    [InlineData("hf\r\nX-Other: secret")]
    [InlineData("hfé-secret")]
    public void ATokenThatNoHeaderHoldsIsRefusedUnseen(string token)
    {
        UsageException e = Assert.Throws<UsageException>(() => Read(("HF_TOKEN", token)));
        Assert.Contains("HF_TOKEN", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://hub.example/api/models/a/b", true)]
    [InlineData("https://HUB.example:443/x", true)]
    [InlineData("http://hub.example/x", false)]
    [InlineData("https://hub.example:8443/x", false)]
    [InlineData("https://cdn.hub.example/x", false)]
    [InlineData("https://hub.example.evil/x", false)]
    [InlineData("https://hub.example@evil/x", false)]
    public void TheHubIsItsSchemeHostAndPort(string address, bool isHub) =>
        Assert.Equal(
            isHub,
            Read(("HF_ENDPOINT", "https://hub.example/mirror/")).IsHub(new Uri(address))
        );

    private static HubSettings Read(params (string Name, string Value)[] variables) =>
        HubSettings.FromEnvironment(name =>
            variables.Where(v => v.Name == name).Select(v => v.Value).FirstOrDefault()
        );
}
