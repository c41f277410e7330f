namespace Hadal.Cli.Hub;

/// <summary>What is there of a commit, and what is to be fetched.</summary>
internal sealed class PullPlan
{
    private const int NamesShown = 8;

    private readonly RepositoryName _name;
    private readonly HubListing _listing;
    private readonly PullTarget _target;

    private PullPlan(RepositoryName name, HubListing listing, PullTarget target)
    {
        _name = name;
        _listing = listing;
        _target = target;
    }

    /// <summary>Files whose bytes are in their place.</summary>
    public required IReadOnlyList<HubFile> There { get; init; }

    /// <summary>Paths where something else is now.</summary>
    public required IReadOnlyList<string> Replaced { get; init; }

    /// <summary>Places to fetch to, each with its files, small ones first.</summary>
    public required IReadOnlyList<IGrouping<string, HubFile>> ToFetch { get; init; }

    /// <summary>Bytes to fetch, less what an earlier run left.</summary>
    public required long Bytes { get; init; }

    /// <summary>Looks at what is there.</summary>
    /// <param name="name">The repository.</param>
    /// <param name="listing">Its files.</param>
    /// <param name="target">Where they go.</param>
    /// <param name="parallel">Files that are looked at at the same time.</param>
    /// <param name="report">Is told of bytes that were read.</param>
    public static async Task<PullPlan> MakeAsync(
        RepositoryName name,
        HubListing listing,
        PullTarget target,
        ParallelOptions parallel,
        Action<double> report
    )
    {
        var states = new FileState[listing.Files.Count];
        await Parallel
            .ForAsync(
                0,
                states.Length,
                parallel,
                async (i, token) =>
                    states[i] = await target
                        .StateAsync(listing.Files[i], report, token)
                        .ConfigureAwait(false)
            )
            .ConfigureAwait(false);
        ILookup<FileState, HubFile> files = listing
            .Files.Zip(states)
            .ToLookup(pair => pair.Second, pair => pair.First);
        IGrouping<string, HubFile>[] places =
        [
            .. files[FileState.Missing]
                .Concat(files[FileState.Other])
                .OrderBy(file => file.Size)
                .GroupBy(target.Place),
        ];
        return new PullPlan(name, listing, target)
        {
            There = [.. files[FileState.Whole]],
            Replaced = [.. files[FileState.Other].Select(file => file.Path)],
            ToFetch = places,
            Bytes = places.Sum(place => place.First().Size - PartOf(place)),
        };
    }

    /// <summary>Shows it.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="free">Bytes that the disk has room for.</param>
    public void Show(TextWriter output, long free)
    {
        int all = _listing.Files.Count + _listing.LeftOut.Count;
        Line(
            $"{_name}@{_name.Revision}, commit {_listing.Commit}",
            $"licence: {_listing.Licence ?? "the model card names none"}",
            $"files: {_listing.Files.Count} of {all}, {Units.Bytes(_listing.Files.Sum(f => f.Size))}; {There.Count} are there",
            _listing.LeftOut.Count == 0
                ? ""
                : $"left out: {Names(_listing.LeftOut)}; --include chooses others",
            Replaced.Count == 0 ? "" : $"replaced, as they are others: {Names(Replaced)}",
            $"to fetch: {Units.Bytes(Bytes)}; the disk has room for {Units.Bytes(free)}",
            $"folder: {_target.Folder}"
        );

        void Line(params string[] lines)
        {
            foreach (string line in lines.Where(l => l.Length > 0))
                output.WriteLine(Printable.Line(line));
        }
    }

    private static long PartOf(IGrouping<string, HubFile> place)
    {
        var part = new FileInfo(place.Key + HubPath.PartSuffix);
        return part.Exists && part.Length <= place.First().Size ? part.Length : 0;
    }

    private static string Names(IReadOnlyList<string> paths) =>
        string.Join(", ", paths.Take(NamesShown))
        + (paths.Count > NamesShown ? $" and {paths.Count - NamesShown} more" : "");
}
