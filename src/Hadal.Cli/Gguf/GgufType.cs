namespace Hadal.Cli.Gguf;

/// <summary>The types of tensors that we write, by the format's numbers.</summary>
internal enum GgufType
{
    /// <summary>f32.</summary>
    F32 = 0,

    /// <summary>Blocks of 32 int8 and their f16 scale.</summary>
    Q8 = 8,
}
