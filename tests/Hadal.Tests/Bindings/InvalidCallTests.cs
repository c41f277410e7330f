using System.Reflection;
using Hadal.Bindings;

namespace Hadal.Tests.Bindings;

/// <summary>
/// Every function of the bindings is in the library, and takes null pointers with integers out of range as hadal.h tells.
/// </summary>
public sealed class InvalidCallTests
{
    private static readonly HashSet<string> s_takesNull =
    [
        nameof(NativeMethods.hd_device_release),
        nameof(NativeMethods.hd_stream_release),
        nameof(NativeMethods.hd_buffer_release),
        nameof(NativeMethods.hd_set_log),
    ];

    public static TheoryData<string> Functions { get; } = [.. Methods().Select(m => m.Name)];

    [Theory]
    [MemberData(nameof(Functions))]
    public void InvalidArgumentsAreRefused(string function)
    {
        var method = Methods().Single(m => m.Name == function);
        var arguments = method.GetParameters().Select(p => Invalid(p.ParameterType)).ToArray();
        var status = (hd_status)(int)method.Invoke(null, arguments)!;
        Assert.Equal(
            s_takesNull.Contains(function)
                ? hd_status.HD_STATUS_OK
                : hd_status.HD_STATUS_INVALID_ARGUMENT,
            status
        );
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
