using Hadal.Bindings;

namespace Hadal.Tensors;

/// <summary>One layer's MLA cache in a device's memory: [pages, 64, bytes of a token].</summary>
internal readonly unsafe struct MlaPages(void* data, int count, hd_mla_format format)
{
    public void* Data { get; } = data;
    public int Count { get; } = count;
    public hd_mla_format Format { get; } = format;

    public static int TokenBytes(hd_mla_format format) =>
        format switch
        {
            hd_mla_format.HD_MLA_FP8 => 656,
            hd_mla_format.HD_MLA_FP8_F32 => 784,
            hd_mla_format.HD_MLA_BF16 => 1152,
            _ => 2304,
        };
}
