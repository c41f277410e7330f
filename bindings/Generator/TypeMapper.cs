using CppSharp.AST;

namespace Hadal.Bindings.Generator;

/// <summary>Maps the C types that the ABI allows to blittable C# types, and refuses all others.</summary>
/// <param name="line">Line of the field or parameter.</param>
/// <param name="place">What the field or parameter is called in a refusal.</param>
internal sealed class TypeMapper(int line, string place)
{
    private const string LogCallback = "hd_log_fn";

    private static readonly Dictionary<string, string> s_fixedWidth = new()
    {
        ["int8_t"] = "sbyte",
        ["uint8_t"] = "byte",
        ["int16_t"] = "short",
        ["uint16_t"] = "ushort",
        ["int32_t"] = "int",
        ["uint32_t"] = "uint",
        ["int64_t"] = "long",
        ["uint64_t"] = "ulong",
    };

    /// <summary>Maps a type that is passed or held by value.</summary>
    public string Value(CppSharp.AST.Type type) =>
        type switch
        {
            TypedefType { Declaration: var typedef } => Typedef(typedef),
            TagType { Declaration: Class { IsUnion: true } } => throw Refuse("is a union"),
            TagType { Declaration: Class @class } => throw Refuse(
                $"has struct {@class.Name} by value; use a pointer to it"
            ),
            TagType { Declaration: Enumeration @enum } => throw Refuse(
                $"has type enum {@enum.Name}, whose width the compiler chooses; use int32_t"
            ),
            PointerType { Pointee: FunctionType } => throw Refuse(
                $"is a function pointer; the only callback is {LogCallback}"
            ),
            PointerType { Modifier: PointerType.TypeModifier.Pointer } pointer => Pointee(
                pointer.Pointee,
                depth: 1
            ) + "*",
            BuiltinType { Type: PrimitiveType.Float } => "float",
            BuiltinType { Type: PrimitiveType.Double } => "double",
            BuiltinType { Type: PrimitiveType.Bool } => throw Refuse("is a bool; use int32_t"),
            BuiltinType { Type: PrimitiveType.Long or PrimitiveType.ULong } => throw Refuse(
                "is a long, whose width depends on the platform; use int64_t or uint64_t"
            ),
            BuiltinType builtin => throw Refuse(
                $"has the C type {builtin.Type}; use an integer type of stdint.h, float or double"
            ),
            ArrayType or DecayedType => throw Refuse(
                "is an array; pass a pointer, or hold one dimension of a fixed size in a struct"
            ),
            _ => throw Refuse($"has a type that the ABI does not know ({type.GetType().Name})"),
        };

    /// <summary>Maps the element type of a fixed-size array: a number, or char as a byte.</summary>
    public string Element(CppSharp.AST.Type type) =>
        type is BuiltinType { Type: PrimitiveType.Char } ? "byte"
        : Value(type) is var element && !element.Contains('*') ? element
        : throw Refuse("is an array of pointers; use a pointer to them");

    public Refusal Refuse(string why) => new(line, $"{place} {why}.");

    private string Typedef(TypedefNameDecl typedef)
    {
        if (s_fixedWidth.TryGetValue(typedef.Name, out var primitive))
        {
            return primitive;
        }
        switch (typedef.Type)
        {
            case PointerType { Pointee: FunctionType function }:
                return typedef.Name == LogCallback
                    ? Callback(function)
                    : throw Refuse(
                        $"has the function pointer type {typedef.Name}; the only callback is {LogCallback}"
                    );
            case TagType tag:
                return Value(tag);
            default:
                throw Refuse(
                    $"has type {typedef.Name}; use an integer type of stdint.h with a fixed width, float or double"
                );
        }
    }

    private string Pointee(CppSharp.AST.Type type, int depth) =>
        type switch
        {
            BuiltinType { Type: PrimitiveType.Void } => "void",
            BuiltinType { Type: PrimitiveType.Char } => "byte",
            TagType { Declaration: Class { IsUnion: false } @class } => @class.Name,
            TypedefType { Declaration.Type: TagType { Declaration: Class } tag } => Pointee(
                tag,
                depth
            ),
            FunctionType => throw Refuse(
                $"is a function pointer; the only callback is {LogCallback}"
            ),
            PointerType when depth == 2 => throw Refuse("is a pointer three levels deep"),
            PointerType { Pointee: var pointee } => Pointee(pointee, depth + 1) + "*",
            _ => Value(type),
        };

    private string Callback(FunctionType function)
    {
        if (function.ReturnType.Type is not BuiltinType { Type: PrimitiveType.Void })
        {
            throw Refuse($"has type {LogCallback}, which must return void");
        }
        var types = function.Parameters.Select(parameter => Value(parameter.Type)).Append("void");
        return $"delegate* unmanaged[Cdecl]<{string.Join(", ", types)}>";
    }
}
