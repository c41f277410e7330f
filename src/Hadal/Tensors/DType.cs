namespace Hadal.Tensors;

/// <summary>The element types of the safetensors format; the names there are in the remarks.</summary>
public enum DType
{
    /// <summary>4-bit float e2m1, two a byte.</summary>
    /// <remarks><c>F4</c></remarks>
    F4,

    /// <summary>6-bit float e2m3, packed.</summary>
    /// <remarks><c>F6_E2M3</c></remarks>
    F6E2M3,

    /// <summary>6-bit float e3m2, packed.</summary>
    /// <remarks><c>F6_E3M2</c></remarks>
    F6E3M2,

    /// <summary>A boolean in a byte.</summary>
    /// <remarks><c>BOOL</c></remarks>
    Bool,

    /// <summary>Unsigned byte.</summary>
    /// <remarks><c>U8</c></remarks>
    U8,

    /// <summary>Signed byte.</summary>
    /// <remarks><c>I8</c></remarks>
    I8,

    /// <summary>8-bit float with infinities.</summary>
    /// <remarks><c>F8_E5M2</c></remarks>
    F8E5M2,

    /// <summary>8-bit float e4m3fn: no infinities, NaN is 0x7f and 0xff, largest 448.</summary>
    /// <remarks><c>F8_E4M3</c></remarks>
    F8E4M3,

    /// <summary>A power of two: the exponent of a binary32.</summary>
    /// <remarks><c>F8_E8M0</c></remarks>
    F8E8M0,

    /// <summary>Signed 16-bit integer.</summary>
    /// <remarks><c>I16</c></remarks>
    I16,

    /// <summary>Unsigned 16-bit integer.</summary>
    /// <remarks><c>U16</c></remarks>
    U16,

    /// <summary>IEEE binary16.</summary>
    /// <remarks><c>F16</c></remarks>
    F16,

    /// <summary>bfloat16: the upper half of a binary32.</summary>
    /// <remarks><c>BF16</c></remarks>
    BF16,

    /// <summary>Signed 32-bit integer.</summary>
    /// <remarks><c>I32</c></remarks>
    I32,

    /// <summary>Unsigned 32-bit integer.</summary>
    /// <remarks><c>U32</c></remarks>
    U32,

    /// <summary>IEEE binary32.</summary>
    /// <remarks><c>F32</c></remarks>
    F32,

    /// <summary>Complex number of two binary32.</summary>
    /// <remarks><c>C64</c></remarks>
    C64,

    /// <summary>IEEE binary64.</summary>
    /// <remarks><c>F64</c></remarks>
    F64,

    /// <summary>Signed 64-bit integer.</summary>
    /// <remarks><c>I64</c></remarks>
    I64,

    /// <summary>Unsigned 64-bit integer.</summary>
    /// <remarks><c>U64</c></remarks>
    U64,
}
