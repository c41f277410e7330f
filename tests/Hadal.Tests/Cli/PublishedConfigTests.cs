using System.Text.Json.Nodes;
using Hadal.Cli.Synthesis;

namespace Hadal.Tests.Cli;

public sealed class PublishedConfigTests
{
    // zai-org/GLM-5.2 tells it twice: layer by layer, and by every which layer chooses, from which on.
    [Fact]
    public void TheKindsOfGlm52AreThoseOfItsFrequency()
    {
        JsonNode config = JsonNode.Parse(PublishedConfig.Glm52Fp8)!;
        int layers = config["num_hidden_layers"]!.GetValue<int>();
        int every = config["index_topk_freq"]!.GetValue<int>();
        int offset = config["index_skip_topk_offset"]!.GetValue<int>();
        string[] kinds = [.. config["indexer_types"]!.AsArray().GetValues<string>()];
        Assert.Equal(
            Enumerable
                .Range(0, layers)
                .Select(i => Math.Max(i - offset + 1, 0) % every == 0 ? "full" : "shared"),
            kinds
        );
        int dense = config["first_k_dense_replace"]!.GetValue<int>();
        Assert.Equal(
            Enumerable.Range(0, layers).Select(i => i < dense ? "dense" : "sparse"),
            config["mlp_layer_types"]!.AsArray().GetValues<string>()
        );
    }
}
