using System.CommandLine;
using System.Globalization;
using Hadal.Model;

namespace Hadal.Cli.Arguments;

/// <summary>What a model runs on, and how.</summary>
internal sealed class RunArguments
{
    private const string Cpu = "cpu";
    private const string Cuda = "cuda";
    private const string External = "external";
    private const string Float32 = "float32";
    private const string Expanded = "expanded";
    private const string ByPosition = "by-position";

    /// <summary>What the native library takes.</summary>
    private const int MostThreads = 1024;

    private readonly Option<string> _device = new("--device", "-d")
    {
        Description =
            "What to run on: cpu, cuda, external (the backend that HADAL_BACKEND names), or cuda:N or external:N for one of several",
        HelpName = "device",
        DefaultValueFactory = _ => Cpu,
    };
    private readonly Option<int> _threads = new("--threads", "-t")
    {
        Description =
            "Threads that compute on the CPU; 0 takes one for each processor that the process may use. They change the speed, never the output",
        HelpName = "count",
    };
    private readonly Option<string> _activations = new("--activations")
    {
        Description = "bfloat16, or float32: slow, close to the reference, and not on every device",
        HelpName = "mode",
        DefaultValueFactory = _ => "bfloat16",
    };

    private readonly Option<string> _prefill = new("--prefill")
    {
        Description =
            "absorbed; expanded: cheaper for dense attention and short contexts, with other bits than decoding; or by-position: each token in the cheaper one",
        HelpName = "form",
        DefaultValueFactory = _ => "absorbed",
    };

    /// <param name="command">The command.</param>
    /// <param name="runs">Whether it runs the model, or only tells what that takes.</param>
    public RunArguments(Command command, bool runs = true)
    {
        _threads.MustBeFrom(0, MostThreads);
        _activations.MustBeOneOf("bfloat16", Float32);
        _prefill.MustBeOneOf("absorbed", Expanded, ByPosition);
        command.Add(_device);
        command.Add(_threads);
        command.Add(_activations);
        if (runs)
            command.Add(_prefill);
    }

    /// <summary>What the command line says of the model's options, for one sequence and one row of logits a step.</summary>
    public ModelOptions Options(ParseResult result) =>
        new()
        {
            Activations =
                result.GetValue(_activations) == Float32
                    ? ActivationMode.Float32
                    : ActivationMode.BFloat16,
            PrefillForm = result.GetValue(_prefill) switch
            {
                Expanded => PrefillForm.Expanded,
                ByPosition => PrefillForm.ByPosition,
                _ => PrefillForm.Absorbed,
            },
            MaxSequences = 1,
            MaxLogitRows = 1,
        };

    /// <summary>Whether one thread computes.</summary>
    public bool IsSingleThreaded(ParseResult result) => result.GetValue(_threads) == 1;

    /// <exception cref="UsageException">There is no device of that name.</exception>
    /// <exception cref="HadalException">It can't be had.</exception>
    public Device OpenDevice(ParseResult result)
    {
        string name = result.GetValue(_device)!;
        int threads = result.GetValue(_threads);
        if (name == Cpu)
            return Device.Cpu(threads);
        if (threads != 0)
            throw new UsageException($"--threads is for the CPU; --device is {name}");
        Device device =
            OrdinalIn(name, Cuda) is { } card ? Device.Cuda(card)
            : OrdinalIn(name, External) is { } other ? Device.External(other)
            : throw new UsageException(
                $"--device is '{name}'; it must be cpu, cuda, cuda:N, external or external:N"
            );
        if (device.RunsFloat32 || result.GetValue(_activations) != Float32)
            return device;
        device.Dispose();
        throw new UsageException(
            $"--activations {Float32} is not for {device}; take --device {Cpu}, or leave it out"
        );
    }

    /// <summary>The number in <c>kind:N</c>, 0 in <c>kind</c> alone, or null where the name is neither.</summary>
    private static int? OrdinalIn(string name, string kind)
    {
        if (name == kind)
            return 0;
        return
            name.StartsWith($"{kind}:", StringComparison.Ordinal)
            && int.TryParse(
                name.AsSpan(kind.Length + 1),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out int ordinal
            )
            ? ordinal
            : null;
    }
}
