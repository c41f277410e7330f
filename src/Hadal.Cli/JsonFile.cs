using System.Text.Json;
using Hadal.Checkpoints;

namespace Hadal.Cli;

/// <summary>A JSON file that a command takes.</summary>
internal static class JsonFile
{
    private const int MaxLength = 1 << 26;

    /// <param name="file">The file.</param>
    /// <param name="option">What the error calls it.</param>
    /// <exception cref="HadalException">It is no regular file, is too long, or is not JSON.</exception>
    public static JsonElement Read(FileInfo file, string option)
    {
        try
        {
            using var document = JsonDocument.Parse(SmallFile.Read(file.FullName, MaxLength));
            return document.RootElement.Clone();
        }
        catch (CheckpointException e)
        {
            throw new HadalException($"{option}: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new HadalException(
                $"{option}: {Printable.Line(file.FullName)} is not JSON: {e.Message}"
            );
        }
    }
}
