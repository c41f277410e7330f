using Hadal.Caching;
using Hadal.Generation;

namespace Hadal.Inference;

/// <content>Prefixes that survive the process.</content>
public sealed partial class InferenceEngine
{
    /// <summary>
    /// Writes what the cache holds of a prompt's beginning to a file, so that another engine need not compute it: a long
    /// document's prefill is paid once. It is done between two steps. The file holds the prompt, in the clear, and is made
    /// readable for its owner alone.
    /// </summary>
    /// <param name="path">The file; one of its kind is replaced, and left as it is where this fails.</param>
    /// <param name="tokens">Token ids of a prompt that was computed, with whatever follows it.</param>
    /// <param name="cacheSalt">The <see cref="GenerationOptions.CacheSalt"/> that it was computed with.</param>
    /// <returns>Tokens in the file, a multiple of 64; 0 if none are cached, and then no file is written.</returns>
    /// <exception cref="CacheFileException">It can't be written, or another kind of file is in its place.</exception>
    /// <exception cref="ObjectDisposedException">The engine or the model was disposed.</exception>
    /// <exception cref="InvalidOperationException">A listener or logger called it on the engine's own thread.</exception>
    public int SavePrefix(string path, ReadOnlySpan<int> tokens, string cacheSalt = "")
    {
        ArgumentNullException.ThrowIfNull(cacheSalt);
        int[] prompt = tokens.ToArray();
        return BetweenSteps(() => Cache.SavePrefix(path, prompt, new PrefixKey(cacheSalt)));
    }

    /// <summary>
    /// Brings what <see cref="SavePrefix"/> wrote into the cache, between two steps; prompts that begin so compute only the rest,
    /// with the same bits. Checksums find damage, not intent: load only what you made yourself.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="cacheSalt">The <see cref="GenerationOptions.CacheSalt"/> of the requests that may use it.</param>
    /// <returns>What the cache had room for.</returns>
    /// <exception cref="CacheFileException">
    /// It can't be read, is no such file or a broken one, or was made by another checkpoint, device, numerics or options: the
    /// message tells which.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The engine or the model was disposed.</exception>
    /// <exception cref="InvalidOperationException">A listener or logger called it on the engine's own thread.</exception>
    public LoadedPrefix LoadPrefix(string path, string cacheSalt = "")
    {
        ArgumentNullException.ThrowIfNull(cacheSalt);
        return BetweenSteps(() => Cache.LoadPrefix(path, new PrefixKey(cacheSalt)));
    }

    // A plan of a step counts pages, which no one else may take until the step has them.
    private T BetweenSteps<T>(Func<T> run)
    {
        if (Thread.CurrentThread == _thread)
            throw new InvalidOperationException(
                "The engine's own thread, on which listeners and loggers are called, can't wait for the next step; call it on another"
            );
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _queue.Add(() =>
        {
            try
            {
                done.SetResult(run());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        if (_thread is null)
            _loop.RunErrands();
        return done.Task.GetAwaiter().GetResult();
    }
}
