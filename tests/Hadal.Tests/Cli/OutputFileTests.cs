using System.Runtime.Versioning;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Cli;

/// <summary>Files that commands write never cost the model that they read, nor leave half of one.</summary>
public sealed class OutputFileTests : IDisposable
{
    private readonly TemporaryFolder _model = TemporaryFolder.CopyOf(Paths.EmbeddedModel);
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    private Task<CliResult> TraceAsync(string output) =>
        CliResult.RunAsync("trace", "-m", _model.Path, "--ids", "0", "--steps", "1", "-o", output);

    private string Weights => Directory.GetFiles(_model.Path, "model*.safetensors").Order().First();

    [Fact]
    public async Task AFileOfTheModelIsNotReplaced()
    {
        byte[] before = File.ReadAllBytes(Weights);
        string link = _folder.File("link");
        File.CreateSymbolicLink(link, Weights);
        string folder = _folder.File("folder");
        Directory.CreateSymbolicLink(folder, _model.Path);
        string hard = _folder.File("hard");
        using (var ln = System.Diagnostics.Process.Start("ln", [Weights, hard]))
            ln.WaitForExit();
        string[] outputs =
        [
            Weights,
            link,
            Path.Combine(folder, Path.GetFileName(Weights)),
            hard,
            Path.Combine(_model.Path, "config.json"),
        ];
        foreach (string output in outputs)
            (await TraceAsync(output)).MustRefuse(2, "--output", output, "of the model");
        foreach (string option in (string[])["--csv", "--plot"])
            (await CliResult.RunAsync("bench", "-m", _model.Path, option, link)).MustRefuse(
                2,
                option,
                link
            );
        Assert.Equal(before, File.ReadAllBytes(Weights));
    }

    [Theory]
    [InlineData("/dev/null")]
    [InlineData("/")]
    public async Task ADeviceOrFolderIsNotReplaced(string output) =>
        (await TraceAsync(output)).MustRefuse(2, "--output", output);

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task ALinkStaysAndWhatItLeadsToIsReplaced()
    {
        string target = _folder.File("target");
        string link = _folder.File("link");
        File.CreateSymbolicLink(link, target);
        Assert.Equal(0, (await TraceAsync(link)).Status);
        Assert.Equal(target, File.ResolveLinkTarget(link, false)!.FullName);
        byte[] made = File.ReadAllBytes(target);
        File.WriteAllText(target, "old");
        File.SetUnixFileMode(target, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal(0, (await TraceAsync(target)).Status);
        Assert.Equal(made, File.ReadAllBytes(target));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(target));
        Assert.Equal([link, target], Directory.GetFiles(_folder.Path).Order());
    }

    [Fact]
    public void WhatFailsLeavesTheOldFileAlone()
    {
        string path = _folder.File("figures");
        File.WriteAllText(path, "old");
        using var checkpoint = Hadal.Checkpoints.Checkpoint.Open(_model.Path);
        var output = new Hadal.Cli.OutputFile("--csv", new FileInfo(path), checkpoint);
        Assert.Throws<IOException>(() =>
            output.Write(draft =>
            {
                File.WriteAllText(draft, "half");
                throw new IOException();
            })
        );
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
    }
}
