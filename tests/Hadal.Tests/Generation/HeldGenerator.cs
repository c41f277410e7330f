using Hadal.Generation;

namespace Hadal.Tests.Generation;

/// <summary>A generator that makes no step until this is disposed.</summary>
internal sealed class HeldGenerator : IDisposable
{
    private readonly TokenGenerator _generator;

    public HeldGenerator(TokenGenerator generator)
    {
        _generator = generator;
        generator.Gate.Enter();
    }

    public void Dispose() => _generator.Gate.Exit();
}
