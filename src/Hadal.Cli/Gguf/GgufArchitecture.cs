namespace Hadal.Cli.Gguf;

/// <summary>What a GGUF file says that its model is: the same weights, as different programs know them.</summary>
internal enum GgufArchitecture
{
    /// <summary><c>deepseek2</c>: V2, V3 and R1, dense; llama.cpp and ik_llama.cpp. An indexer is left out.</summary>
    DeepSeek2,

    /// <summary><c>deepseek32</c>: V3.2; llama.cpp.</summary>
    DeepSeek32,

    /// <summary>
    /// <c>glm-dsa</c>: V3.2's attention as ik_llama.cpp knows it, whose indexer rotates neighbouring dimensions. That
    /// program computes the indexer in layers 0, 1, 2, 6, 10, … alone, and those between take their choice.
    /// </summary>
    GlmDsa,
}
