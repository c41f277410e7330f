using Hadal.Bindings;

namespace Hadal.Tests.Bindings;

using Entry = (string Struct, string Field, long Offset, long Size);

/// <summary>The structs are laid out in C# as the library's compiler laid them out.</summary>
public sealed class LayoutTests
{
    public LayoutTests() => NativeLibraryResolver.Install();

    [Fact]
    public void EveryStructAndFieldAgreesWithTheLibrary()
    {
        var managed = ByStruct(Layouts.All());
        Assert.NotEmpty(managed);
        Assert.Equal(ByStruct(Reported()), managed);
    }

    // A stable sort: the order of the fields within a struct is kept, and compared.
    private static Entry[] ByStruct(IEnumerable<Entry> entries) =>
        [.. entries.OrderBy(entry => entry.Struct, StringComparer.Ordinal)];

    private static unsafe List<Entry> Reported()
    {
        uint count;
        Assert.Equal((int)hd_status.HD_STATUS_OK, NativeMethods.hd_layout_count(&count));
        var entries = new List<Entry>();
        for (uint i = 0; i < count; i++)
        {
            var entry = new hd_layout_entry { struct_size = (uint)sizeof(hd_layout_entry) };
            Assert.Equal((int)hd_status.HD_STATUS_OK, NativeMethods.hd_layout_get(i, &entry));
            entries.Add(
                (
                    new string((sbyte*)entry.struct_name),
                    new string((sbyte*)entry.field_name),
                    entry.offset,
                    entry.size
                )
            );
        }
        return entries;
    }
}
