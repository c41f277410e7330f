using Hadal.Checkpoints;
using Hadal.Model;

namespace Hadal.Server;

/// <summary>
/// What is served, and within which limits: the section <see cref="Section"/> of the configuration, so that
/// <c>Hadal__CacheTokens</c> is the environment variable of <see cref="CacheTokens"/>. Checked when the application starts.
/// </summary>
public sealed class HadalOptions
{
    /// <summary>The configuration's section.</summary>
    public const string Section = "Hadal";

    /// <summary>The checkpoint's folder, in the Hugging Face layout.</summary>
    public string Model { get; set; } = "";

    /// <summary>What clients call the model; null for the folder's name.</summary>
    public string? ModelName { get; set; }

    /// <summary>What the model runs on: <c>cpu</c>, <c>cuda</c>, <c>cuda:N</c>, <c>external</c> or <c>external:N</c>.</summary>
    public string Device { get; set; } = "cpu";

    /// <summary>Threads that compute on the CPU; 0 takes one for each processor that the process may use.</summary>
    public int Threads { get; set; }

    /// <summary>What activations are rounded to; <see cref="ActivationMode.Float32"/> is slow, and not for every device.</summary>
    public ActivationMode Activations { get; set; } = ActivationMode.BFloat16;

    /// <summary>The form of attention in prompts.</summary>
    public PrefillForm Prefill { get; set; } = PrefillForm.Absorbed;

    /// <summary>Whether weights come from the disk as they are used, or are read at the start.</summary>
    public WeightMapping Mapping { get; set; } = WeightMapping.Mapped;

    /// <summary>The prompts' format: <c>v3</c>, <c>v31</c> or <c>v32</c>; null for the checkpoint's own.</summary>
    public string? ChatFormat { get; set; }

    /// <summary>The most tokens of a prompt and its answer together; null for the model's own limit.</summary>
    public int? ContextTokens { get; set; }

    /// <summary>Tokens in the cache, of all requests under way and of what is kept of those before.</summary>
    public int CacheTokens { get; set; } = 32768;

    /// <summary>The most tokens that go through the model in one step, of all requests.</summary>
    public int MaxStepTokens { get; set; } = 512;

    /// <summary>Tokens that the model's predictor guesses ahead: <c>0</c> to <c>3</c>, or <c>auto</c>, as it pays.</summary>
    public string Drafts { get; set; } = "0";

    /// <summary>Answers that are generated at the same time.</summary>
    public int MaxConcurrentRequests { get; set; } = 16;

    /// <summary>Requests that may wait for a place; one more is refused with status 429.</summary>
    public int MaxQueuedRequests { get; set; } = 256;

    /// <summary>The most tokens of a prompt; null for as many as the context and the cache hold.</summary>
    public int? MaxPromptTokens { get; set; }

    /// <summary>The most bytes of a request's body.</summary>
    public int MaxBodyBytes { get; set; } = 16 << 20;

    /// <summary>The most time that a body may take to come; then the request is refused with status 408.</summary>
    public TimeSpan MaxBodyTime { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The most time from a request's submission to the end of its answer, which then ends with what it has and
    /// <c>finish_reason</c> <c>length</c>.
    /// </summary>
    public TimeSpan MaxRequestTime { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How long running answers may go on when the application stops.</summary>
    public TimeSpan DrainTime { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a stream is silent, in the queue or in a long prompt, before a comment keeps its connection open.</summary>
    public TimeSpan CommentInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether <c>/</c> is a page to chat on. It wants no key; what it asks does.</summary>
    public bool Page { get; set; } = true;

    /// <summary>
    /// Whether requests may ask what sparse attention chose for each generated token, which the page shows. No token changes by
    /// it, but steps take longer, above all on devices that replay recorded ones.
    /// </summary>
    public bool RecordSelection { get; set; }

    /// <summary>
    /// The most memory, in bytes, that the recorded choices of a request may take. The first tokens of an answer are recorded, as
    /// many as fit: a token takes up to 2 bytes for each position that a layer chooses. With DeepSeek-V3.2 that is 250 KB, so that 64
    /// MiB hold 268 tokens. As JSON, which an answer that is not streamed has in memory as a whole, they take two to three times that.
    /// </summary>
    public int MaxRecordedBytes { get; set; } = 64 << 20;

    /// <summary>
    /// The operator's key, which requests must have as <c>Authorization: Bearer</c> or <c>x-api-key</c>, and which has no limits
    /// of its own; null for none. Where there is neither it nor <see cref="ApiKeysFile"/>, requests need no key.
    /// <c>/health</c>, <c>/ready</c> and the page want none.
    /// </summary>
    public string? ApiKey { get; set; }

    /// <summary>
    /// A JSON file of more keys, each of a tenant with limits and a part of the prefix cache that no other sees; null for none.
    /// <c>{"keys": [{"name": "alice", "key": "…"}]}</c>; in place of <c>key</c> may stand <c>key_sha256</c>, and optional are
    /// <c>max_requests</c> (under way and waiting), <c>requests_per_minute</c>, <c>max_prompt_tokens</c>,
    /// <c>max_answer_tokens</c>, <c>priority</c> (−1000 to 1000), <c>metrics</c> (whether the key may read <c>/metrics</c>), and
    /// <c>cache_salt</c>: keys of one salt share their prefixes. It is read once, at the start.
    /// </summary>
    public string? ApiKeysFile { get; set; }

    /// <summary>
    /// Hosts, without port, that the header <c>Host</c> may name; empty for any. On a loopback address it protects from web
    /// pages whose name was made to point there.
    /// </summary>
    public IList<string> AllowedHosts { get; } = [];

    /// <summary>
    /// Other origins whose web pages may ask, as their browser says in the header <c>Origin</c>: <c>https://app.example</c>, or
    /// <c>*</c> for all; empty for none but the server's own. They can read answers only where the application has CORS.
    /// </summary>
    public IList<string> AllowedOrigins { get; } = [];
}
