using System.Text.Json;

namespace Hadal.Cli;

/// <summary>A JSON file that a command takes.</summary>
internal static class JsonFile
{
    /// <param name="file">The file.</param>
    /// <param name="option">What the error calls it.</param>
    /// <exception cref="HadalException">It is not JSON.</exception>
    public static JsonElement Read(FileInfo file, string option)
    {
        try
        {
            using FileStream stream = file.OpenRead();
            using JsonDocument document = JsonDocument.Parse(stream);
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new HadalException(
                $"{option}: {Printable.Line(file.FullName)} is not JSON: {e.Message}"
            );
        }
    }
}
