using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Cli;

/// <summary>The embedded model with another last norm, which all its logits are multiplied by.</summary>
internal static class NormedModel
{
    private const string Norm = "model.norm.weight";

    /// <param name="element">What each element of the norm is, as bfloat16.</param>
    public static TemporaryFolder Write(ushort element)
    {
        TemporaryFolder folder = TemporaryFolder.CopyOf(Paths.EmbeddedModel);
        string path = Directory
            .GetFiles(folder.Path, "model*.safetensors")
            .Single(file => Header(File.ReadAllBytes(file)).TryGetProperty(Norm, out _));
        byte[] bytes = File.ReadAllBytes(path);
        JsonElement norm = Header(bytes).GetProperty(Norm);
        Assert.Equal("BF16", norm.GetProperty("dtype").GetString());
        JsonElement offsets = norm.GetProperty("data_offsets");
        int data = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        MemoryMarshal
            .Cast<byte, ushort>(
                bytes.AsSpan((data + offsets[0].GetInt32())..(data + offsets[1].GetInt32()))
            )
            .Fill(element);
        File.WriteAllBytes(path, bytes);
        return folder;
    }

    private static JsonElement Header(byte[] file) =>
        JsonDocument
            .Parse(file.AsMemory(8, (int)BinaryPrimitives.ReadInt64LittleEndian(file)))
            .RootElement;
}
