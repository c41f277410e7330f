namespace Hadal.Tensors;

/// <summary>Names and sizes of <see cref="DType"/>.</summary>
public static class DTypeExtensions
{
    private static readonly (string Name, int Bits)[] Table =
    [
        ("F4", 4),
        ("F6_E2M3", 6),
        ("F6_E3M2", 6),
        ("BOOL", 8),
        ("U8", 8),
        ("I8", 8),
        ("F8_E5M2", 8),
        ("F8_E4M3", 8),
        ("F8_E8M0", 8),
        ("I16", 16),
        ("U16", 16),
        ("F16", 16),
        ("BF16", 16),
        ("I32", 32),
        ("U32", 32),
        ("F32", 32),
        ("C64", 64),
        ("F64", 64),
        ("I64", 64),
        ("U64", 64),
    ];

    extension(DType dtype)
    {
        /// <summary>Bits of one element; below 8 for the packed types.</summary>
        public int Bits => Table[(int)dtype].Bits;

        /// <summary>The type's name in a safetensors header, as <c>F8_E4M3</c>.</summary>
        public string Name => Table[(int)dtype].Name;

        /// <summary>Finds a type by its name in a safetensors header.</summary>
        /// <param name="name">The name, in the header's own case.</param>
        /// <param name="found">The type, where there is one.</param>
        public static bool TryFromName(ReadOnlySpan<char> name, out DType found)
        {
            for (int i = 0; i < Table.Length; i++)
            {
                if (name.SequenceEqual(Table[i].Name))
                {
                    found = (DType)i;
                    return true;
                }
            }
            found = default;
            return false;
        }

        /// <summary>Bytes of a tensor of this type.</summary>
        /// <param name="shape">Its dimensions; none is a scalar.</param>
        /// <param name="bytes">The size, where there is one.</param>
        /// <returns>
        /// False where a dimension is negative, the size is beyond 63 bits, or packed elements leave part of a byte over.
        /// </returns>
        public bool TryGetByteLength(ReadOnlySpan<long> shape, out long bytes)
        {
            bytes = 0;
            UInt128 elements = 1;
            foreach (long dimension in shape)
            {
                if (dimension < 0)
                    return false;
                elements *= (ulong)dimension;
                if (elements > long.MaxValue)
                    return false;
            }
            UInt128 bits = elements * (uint)dtype.Bits;
            if (bits % 8 != 0 || bits / 8 > long.MaxValue)
                return false;
            bytes = (long)(bits / 8);
            return true;
        }
    }
}
