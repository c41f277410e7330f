using System.CommandLine;
using Hadal.Model;

namespace Hadal.Cli.Arguments;

/// <summary>What a model runs on, and how.</summary>
internal sealed class RunArguments
{
    private const string Cpu = "cpu";
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
        string text = result.GetValue(_device)!;
        int threads = result.GetValue(_threads);
        if (!DeviceName.TryParse(text, out DeviceName name))
            throw new UsageException($"--device is '{text}'; it {DeviceName.Rule}");
        if (threads != 0 && name.Kind != DeviceKind.Cpu)
            throw new UsageException($"--threads is for the CPU; --device is {text}");
        Device device = name.Open(threads);
        if (device.RunsFloat32 || result.GetValue(_activations) != Float32)
            return device;
        device.Dispose();
        throw new UsageException(
            $"--activations {Float32} is not for {device}; take --device {Cpu}, or leave it out"
        );
    }
}
