using System.CommandLine;
using Hadal.Server;

namespace Hadal.Cli.Arguments;

/// <summary>How a served model runs; what is not given stays as the configuration has it.</summary>
internal sealed class ServingArguments
{
    private readonly Option<string?> _device = new("--device", "-d")
    {
        Description = "What to run on: cpu, cuda, external, or cuda:N or external:N",
        HelpName = "device",
    };
    private readonly Option<int?> _threads = new("--threads", "-t")
    {
        Description = "Threads that compute on the CPU; 0 takes one for each processor",
        HelpName = "count",
    };
    private readonly Option<int?> _context = new("--context")
    {
        Description = "The most tokens of a prompt and its answer; without it, the model's limit",
        HelpName = "count",
    };
    private readonly Option<int?> _cache = new("--cache-tokens")
    {
        Description = "Tokens in the cache, of all requests and of what is kept; 32768",
        HelpName = "count",
    };
    private readonly Option<int?> _concurrent = new("--max-concurrent")
    {
        Description = "Answers at the same time; 16",
        HelpName = "count",
    };
    private readonly Option<string?> _drafts = new("--drafts")
    {
        Description = "Tokens that the model's predictor guesses ahead, 0 to 3, or auto",
        HelpName = "count",
    };
    private readonly Option<string?> _format = new("--chat-format")
    {
        Description = "The prompts' format: v3, v31 or v32; without it, the checkpoint's own",
        HelpName = "format",
    };

    public ServingArguments(Command command)
    {
        _threads.MustBeFrom(0, 1024);
        _context.MustBeFrom(1, int.MaxValue);
        _cache.MustBeFrom(1, int.MaxValue);
        _concurrent.MustBeFrom(1, 1 << 16);
        Option[] options = [_device, _threads, _context, _cache, _concurrent, _drafts, _format];
        foreach (Option option in options)
            command.Add(option);
    }

    /// <summary>Sets what the command line says.</summary>
    public void Configure(ParseResult result, HadalOptions options)
    {
        options.Device = result.GetValue(_device) ?? options.Device;
        options.Threads = result.GetValue(_threads) ?? options.Threads;
        options.ContextTokens = result.GetValue(_context) ?? options.ContextTokens;
        options.CacheTokens = result.GetValue(_cache) ?? options.CacheTokens;
        options.MaxConcurrentRequests =
            result.GetValue(_concurrent) ?? options.MaxConcurrentRequests;
        options.Drafts = result.GetValue(_drafts) ?? options.Drafts;
        options.ChatFormat = result.GetValue(_format) ?? options.ChatFormat;
    }
}
