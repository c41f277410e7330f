using System.Reflection;
using Hadal.Bindings;

namespace Hadal.Tests.Bindings;

/// <summary>
/// Every function of the bindings is in the library, and given null pointers and integers out of range it refuses one of
/// its own parameters by name, or does nothing where hadal.h says so.
/// </summary>
public sealed class InvalidCallTests
{
    private static readonly HashSet<string> s_neverRefuses =
    [
        nameof(NativeMethods.hd_device_release),
        nameof(NativeMethods.hd_stream_release),
        nameof(NativeMethods.hd_buffer_release),
        nameof(NativeMethods.hd_graph_release),
        nameof(NativeMethods.hd_set_log),
    ];

    public InvalidCallTests() => NativeLibraryResolver.Install();

    public static TheoryData<string> Functions { get; } = [.. Methods().Select(m => m.Name)];

    [Theory]
    [MemberData(nameof(Functions))]
    public void InvalidArgumentsAreRefused(string function)
    {
        var earlier = EarlierError();
        var method = Methods().Single(m => m.Name == function);
        var arguments = method.GetParameters().Select(p => Invalid(p.ParameterType)).ToArray();
        var status = (hd_status)(int)method.Invoke(null, arguments)!;
        if (s_neverRefuses.Contains(function))
        {
            Assert.Equal(hd_status.HD_STATUS_OK, status);
            return;
        }
        Assert.Equal(hd_status.HD_STATUS_INVALID_ARGUMENT, status);
        var text = LastError();
        if (function == nameof(NativeMethods.hd_last_error))
        {
            // A wrong argument of this one does not change the text that it tells.
            Assert.Equal(earlier, text);
            return;
        }
        Assert.NotEqual(earlier, text);
        var words = text.Split([' ', ':', ';', ',', '.', '(', ')', '"']);
        Assert.Contains(method.GetParameters(), p => words.Contains(p.Name));
    }

    // So that a call that forgets to set its text does not pass by that of an earlier one.
    private static unsafe string EarlierError()
    {
        hd_layout_entry entry;
        Assert.Equal(
            (int)hd_status.HD_STATUS_INVALID_ARGUMENT,
            NativeMethods.hd_layout_get(uint.MaxValue, &entry)
        );
        return LastError();
    }

    private static unsafe string LastError()
    {
        var text = stackalloc byte[1024];
        Assert.Equal(
            (int)hd_status.HD_STATUS_OK,
            NativeMethods.hd_last_error(text, capacity: 1024, length: null)
        );
        return new string((sbyte*)text);
    }

    private static IEnumerable<MethodInfo> Methods() =>
        typeof(NativeMethods)
            .GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Where(m => m.Attributes.HasFlag(MethodAttributes.PinvokeImpl));

    private static object Invalid(Type type) =>
        type switch
        {
            { IsPointer: true } or { IsFunctionPointer: true } => IntPtr.Zero,
            _ when type == typeof(int) => -1,
            _ when type == typeof(uint) => uint.MaxValue,
            _ when type == typeof(ulong) => (object)ulong.MaxValue,
            _ => throw new NotSupportedException($"No invalid value is known for {type}."),
        };
}
