using Hadal.Checkpoints;
using Microsoft.Win32.SafeHandles;

namespace Hadal.Caching;

/// <summary>
/// A cached prefix in a file: the tokens, and all that the layers keep of them. It holds the prompt, in the clear, so that
/// it is made readable for its owner alone. Checksums find damage, not intent: load only what you made yourself.
/// </summary>
internal static unsafe class PrefixFile
{
    /// <summary>
    /// Writes the longest run of published pages that the tokens begin with. The file is written beside its place, and
    /// moved there when it is whole; what was there must be such a file too.
    /// </summary>
    /// <returns>The tokens in the file; 0 if no page is published, and then no file is written.</returns>
    /// <exception cref="CacheFileException">It can't be written, or another kind of file is in its place.</exception>
    public static int Save(
        PagedCache cache,
        string path,
        ReadOnlySpan<int> tokens,
        in PrefixKey key
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        CacheIdentity identity = cache.IdentityFor(key);
        cache.BeginStep();
        try
        {
            // It keeps the pages meanwhile.
            using CachedSequence sequence = cache.CreateSequence();
            int length = cache.Prefixes.AttachFullPages(sequence, tokens, key);
            if (length == 0)
                return 0;
            var header = new PrefixFileHeader(
                identity,
                tokens[..length].ToArray(),
                cache.Layout.PageBytes
            );
            Place(cache, path, header, sequence);
            return length;
        }
        catch (Exception e)
            when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new CacheFileException($"{path}: can't be written: {e.Message}", e);
        }
        finally
        {
            cache.EndStep();
        }
    }

    /// <summary>
    /// Brings a file's pages into available pages of the cache, as many of the first as there is room for, and publishes
    /// them. Pages of the prefix that are published already are not read.
    /// </summary>
    /// <exception cref="CacheFileException">
    /// It can't be read, is no such file or a broken one, or was made by another model or in another way. The cache is as it
    /// was, but for cached pages that have made room.
    /// </exception>
    public static LoadedPrefix Load(PagedCache cache, string path, in PrefixKey key)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        CacheIdentity identity = cache.IdentityFor(key);
        using FileBytes file = Open(path);
        var header = PrefixFileHeader.Read(path, file.Pointer, file.Length);
        string? difference =
            identity.Difference(header.Identity)
            ?? (
                header.PageBytes == cache.Layout.PageBytes
                    ? null
                    : $"a page has {header.PageBytes} bytes, must have {cache.Layout.PageBytes}"
            );
        if (difference is not null)
            throw new CacheFileException(
                $"{path}: was made by another model, on another device or with other options: {difference}"
            );
        cache.BeginStep();
        try
        {
            using CachedSequence sequence = cache.CreateSequence();
            cache.Prefixes.AttachFullPages(sequence, header.Tokens, key);
            while (
                sequence.Length < header.Tokens.Length
                && LoadPage(cache, sequence, path, file, header)
            ) { }
            cache.Prefixes.Publish(sequence, header.Tokens, key);
            return new LoadedPrefix(sequence.Length, header.Tokens.Length);
        }
        finally
        {
            cache.EndStep();
        }
    }

    private static void Place(
        PagedCache cache,
        string path,
        PrefixFileHeader header,
        CachedSequence sequence
    )
    {
        string place = new FileInfo(path).LinkTarget is null
            ? path
            : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        RequireReplaceable(place);
        string draft = $"{place}.{Path.GetRandomFileName()}";
        try
        {
            using (FileStream file = CreatePrivate(draft))
                Write(cache, file.SafeFileHandle, header, sequence);
            File.Move(draft, place, overwrite: true);
        }
        catch
        {
            File.Delete(draft);
            throw;
        }
    }

    private static void Write(
        PagedCache cache,
        SafeFileHandle file,
        PrefixFileHeader header,
        CachedSequence sequence
    )
    {
        var page = new byte[header.PageBytes];
        for (int i = 0; i < header.Checksums.Length; i++)
        {
            cache.Transfer.Read(sequence.Pages[i], page);
            header.Checksums[i] = PrefixFileHeader.Checksum(page);
            RandomAccess.Write(file, page, header.DataStart + i * header.PageBytes);
        }
        RandomAccess.Write(file, header.ToBytes(), 0);
        RandomAccess.FlushToDisk(file);
    }

    private static bool LoadPage(
        PagedCache cache,
        CachedSequence sequence,
        string path,
        FileBytes file,
        PrefixFileHeader header
    )
    {
        int index = sequence.Length / PagedCache.PageTokens;
        if (index == sequence.MostPages)
            return false;
        var page = new ReadOnlySpan<byte>(
            file.Pointer + header.DataStart + index * header.PageBytes,
            (int)header.PageBytes
        );
        if (PrefixFileHeader.Checksum(page) != header.Checksums[index])
            throw new CacheFileException(
                $"{path}: page {index} of {header.Checksums.Length} is broken: its checksum is wrong; make the file again"
            );
        lock (cache.Changes)
        {
            if (cache.AvailablePages == 0)
                return false;
            sequence.BeginStep(PagedCache.PageTokens);
        }
        bool isDone = false;
        try
        {
            cache.Transfer.Write(page, sequence.Pages[index]);
            isDone = true;
        }
        finally
        {
            lock (cache.Changes)
                sequence.EndStep(isDone ? PagedCache.PageTokens : 0);
        }
        return true;
    }

    private static FileBytes Open(string path)
    {
        try
        {
            RegularFile.Require(path);
            return FileBytes.Open(path, 1, WeightMapping.Mapped, CancellationToken.None);
        }
        catch (CheckpointException e)
        {
            throw new CacheFileException(e.Message, e.InnerException);
        }
    }

    private static FileStream CreatePrivate(string path)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            BufferSize = 0,
        };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(path, options);
    }

    // Nothing else is lost by a mistyped name: weights, a device, a pipe.
    private static void RequireReplaceable(string path)
    {
        if (Directory.Exists(path))
            throw new CacheFileException($"{path}: is a folder");
        if (!File.Exists(path))
            return;
        var start = new byte[PrefixFileHeader.Magic.Length];
        if (RegularFile.HasContent(path))
        {
            using SafeFileHandle file = File.OpenHandle(path);
            _ = RandomAccess.Read(file, start, 0);
        }
        if (!PrefixFileHeader.Magic.SequenceEqual(start))
            throw new CacheFileException(
                $"{path}: is there already, and is no file of a cached prefix; choose another name, or delete it"
            );
    }
}
