using Hadal.Generation;

namespace Hadal.Inference;

/// <summary>Reads a request's tokens. Its disposal before the end gives the request up.</summary>
internal sealed class TokenReader : IAsyncEnumerator<GeneratedToken>, IDisposable
{
    private readonly InferenceRequest _request;
    private readonly CancellationTokenRegistration _cancellation;

    public TokenReader(InferenceRequest request, CancellationToken cancellationToken)
    {
        _request = request;
        _cancellation = cancellationToken.UnsafeRegister(
            static (request, token) =>
                ((InferenceRequest)request!).Abort(new OperationCanceledException(token)),
            request
        );
    }

    public GeneratedToken Current => _request.Stream.Current;

    public ValueTask<bool> MoveNextAsync() => _request.Stream.MoveNextAsync();

    public bool MoveNext() => _request.Stream.MoveNext();

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    public void Dispose()
    {
        _cancellation.Dispose();
        _request.Abort(new OperationCanceledException("The request's reader was disposed"));
    }
}
