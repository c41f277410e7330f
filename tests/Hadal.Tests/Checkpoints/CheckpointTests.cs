using Hadal.Checkpoints;

namespace Hadal.Tests.Checkpoints;

public sealed class CheckpointTests
{
    [Fact]
    public void Sharded_and_single_file_checkpoints_open()
    {
        var reports = new List<CheckpointProgress>();
        using (
            var sharded = Checkpoint.Open(
                TestCheckpoints.RandomA,
                progress: new Reporter(reports.Add)
            )
        )
        {
            Assert.Equal(2, sharded.Files.Count);
            Assert.Equal([512L, 256L], sharded["lm_head.weight"].Shape);
            Assert.Equal(sharded.Tensors.Count, sharded.Files.Sum(file => file.Tensors.Count));
            Assert.NotNull(sharded.Config.Indexer);
        }
        Assert.Equal(
            [
                new CheckpointProgress("model-00001-of-00002.safetensors", 1, 2),
                new CheckpointProgress("model-00002-of-00002.safetensors", 2, 2),
            ],
            reports
        );
        using var single = Checkpoint.Open(TestCheckpoints.RandomV3);
        Assert.Single(single.Files);
        Assert.Null(single.Config.Indexer);
        Assert.Equal(ScaleFormat.Plain, single.Config.ScaleFormat);
        using var embedded = Checkpoint.Open(Paths.EmbeddedModel);
        Assert.Equal(4, embedded.Config.NumHiddenLayers);
    }

    [Theory]
    [InlineData("../model-00001-of-00002.safetensors")]
    [InlineData("/etc/passwd.safetensors")]
    [InlineData("sub/model.safetensors")]
    [InlineData("..\\\\model.safetensors")]
    [InlineData("C:model.safetensors")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData(".safetensors")]
    [InlineData("model.bin")]
    [InlineData("model\\u0000.safetensors")]
    public void A_shard_name_that_leaves_the_folder_is_refused(string name)
    {
        using var folder = TemporaryFolder.CopyOf(TestCheckpoints.RandomA);
        Edit(
            folder,
            TestCheckpoints.Index,
            "\"lm_head.weight\": \"model-00001-of-00002.safetensors\"",
            $"\"lm_head.weight\": \"{name}\""
        );
        CheckpointException error = Refusal(folder);
        Assert.Contains("weight_map['lm_head.weight']", error.Message, StringComparison.Ordinal);
        Assert.Contains("in the folder itself", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", "broken")]
    [InlineData("[]", "must be an object with an object 'weight_map'")]
    [InlineData("""{"weight_map":[]}""", "must be an object with an object 'weight_map'")]
    [InlineData("""{"weight_map":{"a":1}}""", "weight_map['a'] is a JSON Number")]
    [InlineData("""{"weight_map":{"a":"m.safetensors","a":"m.safetensors"}}""", "broken")]
    [InlineData("""{"weight_map":{"a":"\ud800.safetensors"}}""", "broken")]
    public void A_broken_index_is_refused(string json, string message)
    {
        using var folder = TemporaryFolder.CopyOf(TestCheckpoints.RandomA);
        File.WriteAllText(folder.File(TestCheckpoints.Index), json);
        CheckpointException error = Refusal(folder);
        Assert.Contains(TestCheckpoints.Index, error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_files_are_named()
    {
        using var folder = TemporaryFolder.CopyOf(TestCheckpoints.RandomA);
        File.Delete(folder.File("model-00001-of-00002.safetensors"));
        File.Delete(folder.File("model-00002-of-00002.safetensors"));
        CheckpointException error = Refusal(folder);
        Assert.Equal(2, error.Problems.Count);
        Assert.Contains(
            "model-00002-of-00002.safetensors",
            error.Message,
            StringComparison.Ordinal
        );
        File.Delete(folder.File(TestCheckpoints.Index));
        Assert.Contains("has neither", Refusal(folder).Message, StringComparison.Ordinal);
        File.Delete(folder.File("config.json"));
        Assert.Contains("config.json", Refusal(folder).Message, StringComparison.Ordinal);
        Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.File("none")));
    }

    [Fact]
    public void Index_and_shards_must_agree()
    {
        using var folder = TemporaryFolder.CopyOf(TestCheckpoints.RandomA);
        Edit(folder, TestCheckpoints.Index, "\"lm_head.weight\"", "\"lm_head.weights\"");
        Edit(
            folder,
            TestCheckpoints.Index,
            "\"model.embed_tokens.weight\": \"model-00001",
            "\"model.embed_tokens.weight\": \"model-00002"
        );
        CheckpointException error = Refusal(folder);
        Assert.Equal(4, error.Problems.Count);
        string[] expected =
        [
            "'lm_head.weight' is in model-00001-of-00002.safetensors, but the index has no such tensor",
            "'model.embed_tokens.weight' is in model-00001-of-00002.safetensors, but the index says model-00002-of-00002.safetensors",
            "'lm_head.weights' is not in model-00001-of-00002.safetensors, where the index says it is",
            "'model.embed_tokens.weight' is not in model-00002-of-00002.safetensors, where the index says it is",
        ];
        Assert.Equal(expected.Order(), error.Problems.Order());
    }

    [Fact]
    public void Opening_can_be_cancelled()
    {
        using var source = new CancellationTokenSource();
        var opened = new List<CheckpointProgress>();
        Assert.Throws<OperationCanceledException>(() =>
            Checkpoint.Open(
                TestCheckpoints.RandomA,
                progress: new Reporter(report =>
                {
                    opened.Add(report);
                    source.Cancel();
                }),
                cancellationToken: source.Token
            )
        );
        Assert.Single(opened);
    }

    [Fact]
    public void Use_after_dispose_is_refused()
    {
        var checkpoint = Checkpoint.Open(TestCheckpoints.RandomV3);
        checkpoint.Dispose();
        checkpoint.Dispose();
        Assert.Throws<ObjectDisposedException>(() => checkpoint["lm_head.weight"].Bytes.Length);
    }

    private static CheckpointException Refusal(TemporaryFolder folder) =>
        Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));

    private static void Edit(TemporaryFolder folder, string file, string from, string to)
    {
        string text = File.ReadAllText(folder.File(file));
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(folder.File(file), text.Replace(from, to, StringComparison.Ordinal));
    }

    /// <summary>Unlike <see cref="Progress{T}"/> reports on the thread that it is told on.</summary>
    private sealed class Reporter(Action<CheckpointProgress> report) : IProgress<CheckpointProgress>
    {
        public void Report(CheckpointProgress value) => report(value);
    }
}
