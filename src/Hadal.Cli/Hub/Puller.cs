namespace Hadal.Cli.Hub;

/// <summary>Brings a checkpoint from a hub: lists it, shows what is to be done, and does it.</summary>
internal sealed class Puller(HubSettings settings, Terminal terminal)
{
    /// <summary>Tells the bytes that fit a folder's disk.</summary>
    public Func<string, long> FreeSpace { get; init; } = DiskSpace.Free;

    /// <summary>Pulls, and writes the folder's path to the output.</summary>
    /// <exception cref="HubException">The hub does not give what is asked for.</exception>
    /// <exception cref="IOException">It can't be written, or does not fit the disk.</exception>
    public async Task RunAsync(PullRequest request, CancellationToken cancellationToken)
    {
        RepositoryName name = request.Repository;
        using var hub = new HubClient(settings);
        HubListing listing = await ListAsync(hub, request, cancellationToken).ConfigureAwait(false);
        PullTarget target = request.Folder is { } folder
            ? new PlainFolder(folder)
            : new HubCache(settings.CacheFolder, name, listing.Commit);
        var parallel = new ParallelOptions
        {
            MaxDegreeOfParallelism = request.Connections,
            CancellationToken = cancellationToken,
        };
        PullPlan? plan = null;
        await ProgressBar
            .ShowAsync(
                terminal,
                "reading what is there",
                listing.Files.Sum(file => file.Size),
                async report =>
                    plan = await PullPlan
                        .MakeAsync(name, listing, target, parallel, report)
                        .ConfigureAwait(false)
            )
            .ConfigureAwait(false);
        long free = FreeSpace(target.Folder);
        plan!.Show(terminal.Error, free);
        if (free < plan.Bytes)
            throw new IOException(
                $"{target.Folder}: {Units.Bytes(plan.Bytes)} are to be fetched, and the disk has room for {Units.Bytes(free)}"
            );
        if (request.IsDry)
            return;
        foreach (HubFile file in plan.There)
            target.Add(file);
        var fetch = new FileFetch(hub, name, listing.Commit, settings.Clock);
        await ProgressBar
            .ShowAsync(
                terminal,
                $"fetching {Units.Bytes(plan.Bytes)}",
                plan.Bytes,
                report => FetchAsync(fetch, plan, target, parallel, report)
            )
            .ConfigureAwait(false);
        target.Finish();
        terminal.WriteText(target.Folder);
        await terminal.Output.WriteLineAsync().ConfigureAwait(false);
    }

    private async Task<HubListing> ListAsync(
        HubClient hub,
        PullRequest request,
        CancellationToken cancellationToken
    )
    {
        var retries = new Retries(settings.Clock);
        while (true)
        {
            try
            {
                return await hub.ListAsync(request.Repository, request.Choice, cancellationToken)
                    .ConfigureAwait(false);
            }
            catch (TransferException e)
            {
                await retries.WaitAsync(e, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static Task FetchAsync(
        FileFetch fetch,
        PullPlan plan,
        PullTarget target,
        ParallelOptions parallel,
        Action<double> report
    ) =>
        Parallel.ForEachAsync(
            plan.ToFetch,
            parallel,
            async (place, token) =>
            {
                await fetch
                    .FetchAsync(place.First(), place.Key, report, token)
                    .ConfigureAwait(false);
                foreach (HubFile file in place)
                    target.Add(file);
            }
        );
}
