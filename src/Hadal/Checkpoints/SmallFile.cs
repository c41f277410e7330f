namespace Hadal.Checkpoints;

/// <summary>Reads a text file of bounded length.</summary>
internal static class SmallFile
{
    public static byte[] Read(string path, int maxLength)
    {
        RegularFile.Require(path);
        byte[] bytes = ReadAll(path, maxLength);
        return StandIn.Describe(bytes) is { } what
            ? throw new CheckpointException($"{path}: {what}")
            : bytes;
    }

    private static byte[] ReadAll(string path, int maxLength)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read);
            long length = stream.Length;
            if (length > maxLength)
                throw new CheckpointException(
                    $"{path}: has {length} bytes, must have at most {maxLength}"
                );
            var bytes = new byte[length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e)
            when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new CheckpointException($"{path}: can't be read: {e.Message}", e);
        }
    }
}
