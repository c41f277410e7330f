using Microsoft.Extensions.Options;

namespace Hadal.Server;

/// <summary>Names each setting that can't be.</summary>
internal sealed class HadalOptionsValidator : IValidateOptions<HadalOptions>
{
    /// <summary>What a key must be.</summary>
    public const string KeyRule =
        "must be of ASCII characters without spaces: it is sent in a header";

    private const int MostOfStep = 1 << 20;

    /// <summary>Whether it is as <see cref="KeyRule"/> has it.</summary>
    public static bool IsKey(string key) =>
        key.Length > 0 && key.All(static c => c is > ' ' and <= '~');

    private static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? uri)
        && uri.GetLeftPart(UriPartial.Authority).Equals(text, StringComparison.OrdinalIgnoreCase);

    public ValidateOptionsResult Validate(string? name, HadalOptions options)
    {
        List<string> failures = [];
        if (options.Model.Length == 0)
            Fail(nameof(options.Model), "", "must be the checkpoint's folder");
        else if (!Directory.Exists(options.Model))
            Fail(nameof(options.Model), options.Model, "there is no such folder");
        if (options.ModelName is "")
            Fail(nameof(options.ModelName), "", "must have a character, or be left out");
        bool isDevice = DeviceName.TryParse(options.Device, out DeviceName device);
        if (!isDevice)
            Fail(nameof(options.Device), options.Device, DeviceName.Rule);
        if (isDevice && device.Kind != DeviceKind.Cpu && options.Threads != 0)
            Fail(nameof(options.Threads), options.Threads, "is for the CPU alone; leave it out");
        if (options.ChatFormat is not (null or "v3" or "v31" or "v32"))
            Fail(nameof(options.ChatFormat), options.ChatFormat, "must be v3, v31 or v32");
        if (options.Drafts is not ("0" or "1" or "2" or "3" or HadalOptionsReading.AutoDrafts))
            Fail(nameof(options.Drafts), options.Drafts, "must be 0, 1, 2, 3 or auto");
        Known(nameof(options.Activations), options.Activations);
        Known(nameof(options.Prefill), options.Prefill);
        Known(nameof(options.Mapping), options.Mapping);
        InRange(nameof(options.Threads), options.Threads, 0, 1024);
        InRange(nameof(options.ContextTokens), options.ContextTokens ?? 1, 1, int.MaxValue);
        InRange(nameof(options.CacheTokens), options.CacheTokens, 1, int.MaxValue);
        InRange(nameof(options.MaxStepTokens), options.MaxStepTokens, 1, MostOfStep);
        InRange(nameof(options.MaxConcurrentRequests), options.MaxConcurrentRequests, 1, 1 << 16);
        InRange(nameof(options.MaxQueuedRequests), options.MaxQueuedRequests, 1, MostOfStep);
        InRange(nameof(options.MaxPromptTokens), options.MaxPromptTokens ?? 1, 1, int.MaxValue);
        InRange(nameof(options.MaxRecordedBytes), options.MaxRecordedBytes, 1, int.MaxValue);
        InRange(nameof(options.MaxBodyBytes), options.MaxBodyBytes, 1, 1 << 30);
        Positive(nameof(options.MaxBodyTime), options.MaxBodyTime);
        Positive(nameof(options.MaxRequestTime), options.MaxRequestTime);
        Positive(nameof(options.CommentInterval), options.CommentInterval);
        if (options.DrainTime < TimeSpan.Zero || options.DrainTime > TimeSpan.FromDays(1))
            Fail(nameof(options.DrainTime), options.DrainTime, "must be from 0 to a day");
        foreach (string origin in options.AllowedOrigins)
        {
            if (origin != "*" && !IsOrigin(origin))
                Fail(
                    nameof(options.AllowedOrigins),
                    origin,
                    "must be as https://app.example, or *"
                );
        }
        if (options.ApiKey is "")
            Fail(nameof(options.ApiKey), "", "must have a character, or be left out");
        else if (options.ApiKey is { } key && !IsKey(key))
            failures.Add($"{HadalOptions.Section}:{nameof(options.ApiKey)} {KeyRule}");
        return failures.Count > 0
            ? ValidateOptionsResult.Fail(failures)
            : ValidateOptionsResult.Success;

        void Known<T>(string setting, T value)
            where T : struct, Enum
        {
            if (!Enum.IsDefined(value))
                Fail(setting, value, $"must be {string.Join(" or ", Enum.GetNames<T>())}");
        }

        void InRange(string setting, int value, int least, int most)
        {
            if (value < least || value > most)
                Fail(setting, value, $"must be from {least} to {most}");
        }

        void Positive(string setting, TimeSpan value)
        {
            if (value <= TimeSpan.Zero || value > TimeSpan.FromDays(49))
                Fail(setting, value, "must be positive, and at most 49 days");
        }

        void Fail(string setting, object value, string rule) =>
            failures.Add($"{HadalOptions.Section}:{setting} is '{value}': {rule}");
    }
}
