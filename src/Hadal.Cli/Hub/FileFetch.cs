namespace Hadal.Cli.Hub;

/// <summary>Fetches files of one commit: goes on where it was broken off, and keeps what has the right checksum.</summary>
internal sealed class FileFetch(
    HubClient hub,
    RepositoryName name,
    string commit,
    TimeProvider clock
)
{
    /// <summary>Fetches one file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="destination">Where it goes when it is whole; until then what is there has <see cref="HubPath.PartSuffix"/>.</param>
    /// <param name="report">Is told of more bytes that are there, or of fewer.</param>
    /// <param name="cancellationToken">Gives it up; what is there stays.</param>
    /// <exception cref="HubException">The hub does not give it, or gives something else.</exception>
    /// <exception cref="IOException">It can't be written.</exception>
    public async Task FetchAsync(
        HubFile file,
        string destination,
        Action<double> report,
        CancellationToken cancellationToken
    )
    {
        Directory.CreateDirectory(Path.GetDirectoryName(destination)!);
        string draft = destination + HubPath.PartSuffix;
        bool isWhole;
        PartFile part = await PartFile
            .OpenAsync(draft, file, cancellationToken)
            .ConfigureAwait(false);
        await using (part.ConfigureAwait(false))
        {
            bool isResumed = part.Length > 0;
            await FillAsync(file, part, report, cancellationToken).ConfigureAwait(false);
            isWhole = part.IsWhole();
            if (!isWhole && isResumed)
            {
                // What an earlier run left may be of another revision, or damaged: the server gets a second chance.
                Restart(part, report);
                await FillAsync(file, part, report, cancellationToken).ConfigureAwait(false);
                isWhole = part.IsWhole();
            }
        }
        if (!isWhole)
        {
            File.Delete(draft);
            throw new HubException(
                $"{name}: {file.Path}: what came has not the checksum that the hub tells, {file.Digest.Hex}; it is dropped"
            );
        }
        File.Move(draft, destination, overwrite: true);
    }

    private async Task FillAsync(
        HubFile file,
        PartFile part,
        Action<double> report,
        CancellationToken cancellationToken
    )
    {
        var retries = new Retries(clock);
        long most = part.Length;
        while (part.Length < file.Size)
        {
            try
            {
                await FetchRestAsync(file, part, report, cancellationToken).ConfigureAwait(false);
            }
            catch (TransferException e)
            {
                // Only what was never there before counts: a server that begins anew each time is given up.
                if (part.Length > most)
                    retries.Reset();
                most = Math.Max(most, part.Length);
                await retries.WaitAsync(e, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task FetchRestAsync(
        HubFile file,
        PartFile part,
        Action<double> report,
        CancellationToken cancellationToken
    )
    {
        using HubResponse response = await hub.OpenAsync(
                name,
                commit,
                file.Path,
                part.Length,
                cancellationToken
            )
            .ConfigureAwait(false);
        if (response.IsPartial)
            RequireRange(file, part.Length, response);
        long left = response.IsPartial ? file.Size - part.Length : file.Size;
        if (response.Length is { } told && told != left)
            throw new TransferException(
                $"{name}: {file.Path}: the server says that {told} bytes come; by the hub's list {left} must come"
            );
        // A server that knows no ranges sends the whole.
        if (!response.IsPartial && part.Length > 0)
            Restart(part, report);
        var buffer = new byte[1 << 17];
        while (left > 0)
        {
            Memory<byte> room = buffer.AsMemory(0, (int)Math.Min(buffer.Length, left));
            int count = await response.ReadAsync(room, cancellationToken).ConfigureAwait(false);
            if (count == 0)
                throw new TransferException(
                    $"{name}: {file.Path}: the server ended {left} bytes too early"
                );
            await part.AppendAsync(room[..count], cancellationToken).ConfigureAwait(false);
            left -= count;
            report(count);
        }
    }

    private void RequireRange(HubFile file, long from, HubResponse response)
    {
        if (
            response.Range is not { Unit: "bytes" } range
            || range.From != from
            || range.To != file.Size - 1
            || (range.HasLength && range.Length != file.Size)
        )
            throw new TransferException(
                $"{name}: {file.Path}: the server sends '{response.Range}'; it was asked for bytes {from}-{file.Size - 1}/{file.Size}"
            );
    }

    private static void Restart(PartFile part, Action<double> report)
    {
        report(-part.Length);
        part.Restart();
    }
}
