using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Hadal.Bindings;

/// <summary>What the head of a Linux library tells.</summary>
internal static class ElfHeader
{
    private const int MachineOffset = 18;

    /// <summary>The architecture of a library that is not this process's; null for ours, and for what is no library.</summary>
    public static string? ForeignArchitecture(string path)
    {
        Span<byte> head = stackalloc byte[MachineOffset + sizeof(ushort)];
        try
        {
            using FileStream file = File.OpenRead(path);
            file.ReadExactly(head);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
        if (!head.StartsWith("\u007fELF"u8))
            return null;
        // e_machine of the ELF specification.
        ushort machine = BinaryPrimitives.ReadUInt16LittleEndian(head[MachineOffset..]);
        Architecture? architecture = machine switch
        {
            3 => Architecture.X86,
            40 => Architecture.Arm,
            62 => Architecture.X64,
            183 => Architecture.Arm64,
            _ => null,
        };
        return architecture == RuntimeInformation.ProcessArchitecture
            ? null
            : architecture?.ToString() ?? $"ELF machine {machine}";
    }
}
