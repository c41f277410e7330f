using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Hadal.Bindings.Generator.Model;
using Ast = CppSharp.AST;

namespace Hadal.Bindings.Generator;

/// <summary>Reads a header into the model, and refuses what the rules of the C ABI forbid.</summary>
internal static partial class ApiReader
{
    /// <exception cref="Refusal">The header is not valid C, or declares something that is forbidden.</exception>
    public static Api Read(string path)
    {
        var unit = HeaderParser.Parse(path);
        foreach (var variable in unit.Variables)
        {
            throw new Refusal(
                variable.LineNumberStart,
                $"{variable.Name} is a variable; export functions alone."
            );
        }
        return new Api(
            Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))),
            Constants(File.ReadAllText(path)),
            [.. unit.Enums.OrderBy(e => e.LineNumberStart).Select(Enumeration)],
            [.. unit.Classes.OrderBy(c => c.LineNumberStart).Select(c => Structure(c, unit))],
            [.. unit.Functions.OrderBy(f => f.LineNumberStart).Select(Function)]
        );
    }

    // From the text: CppSharp's macros carry neither a comment nor a reliable line.
    private static List<Constant> Constants(string text)
    {
        var constants = new List<Constant>();
        foreach (Match match in Define().Matches(text))
        {
            var (name, value) = (match.Groups["name"].Value, match.Groups["value"].Value);
            if (name == "HD_API")
            {
                continue;
            }
            var hex = value.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
            var style = hex ? NumberStyles.AllowHexSpecifier : NumberStyles.AllowLeadingSign;
            var digits = hex ? value[2..] : value;
            if (
                !long.TryParse(digits, style, CultureInfo.InvariantCulture, out var number)
                || number is < int.MinValue or > int.MaxValue
            )
            {
                throw new Refusal(
                    text.AsSpan(0, match.Groups["name"].Index).Count('\n') + 1,
                    $"macro {name} is \"{value}\"; it must be a 32-bit integer without a suffix."
                );
            }
            constants.Add(
                new Constant(name, (int)number, CommentReader.Read(match.Groups["comment"].Value))
            );
        }
        return constants;
    }

    private static Enumeration Enumeration(Ast.Enumeration @enum)
    {
        if (@enum.Name.Length == 0)
        {
            throw new Refusal(@enum.LineNumberStart, "An enum has no name; give it one.");
        }
        return new Enumeration(
            @enum.Name,
            [.. @enum.Items.Select(item => Member(@enum, item))],
            CommentReader.Read(@enum.Comment?.Text)
        );
    }

    private static Constant Member(Ast.Enumeration @enum, Ast.Enumeration.Item item)
    {
        // CppSharp holds values as unsigned: a negative one is sign-extended.
        var value = unchecked((long)item.Value);
        return
            @enum.BuiltinType.Type is Ast.PrimitiveType.Int or Ast.PrimitiveType.UInt
            && value is >= int.MinValue and <= int.MaxValue
            ? new Constant(item.Name, (int)value, CommentReader.Read(item.Comment?.Text))
            : throw new Refusal(
                item.LineNumberStart,
                $"{@enum.Name}.{item.Name} does not fit in int32_t."
            );
    }

    private static Structure Structure(Ast.Class @class, Ast.TranslationUnit unit)
    {
        if (@class.IsUnion)
        {
            throw new Refusal(@class.LineNumberStart, $"{@class.Name} is a union; use a struct.");
        }
        var typedef =
            unit.Typedefs.FirstOrDefault(t =>
                t.Type is Ast.TagType tag && tag.Declaration == @class && t.Name == @class.Name
            )
            ?? throw new Refusal(
                @class.LineNumberStart,
                $"struct {@class.Name} has no typedef of the same name."
            );
        var comment = CommentReader.Read(@class.Comment?.Text ?? typedef.Comment?.Text);
        if (@class.IsIncomplete)
        {
            return new Structure(@class.Name, [], comment);
        }
        if (
            @class.Fields.FirstOrDefault()
            is not { Name: "struct_size", Type: Ast.TypedefType { Declaration.Name: "uint32_t" } }
        )
        {
            throw new Refusal(
                @class.LineNumberStart,
                $"struct {@class.Name} must begin with uint32_t struct_size."
            );
        }
        return new Structure(
            @class.Name,
            [.. @class.Fields.Select(f => Field(@class, f))],
            comment
        );
    }

    private static Field Field(Ast.Class @class, Ast.Field field)
    {
        var mapper = new TypeMapper(field.LineNumberStart, $"{@class.Name}.{field.Name}");
        if (field.IsBitField)
        {
            throw mapper.Refuse("is a bit-field; use an integer type of stdint.h");
        }
        var comment = CommentReader.Read(field.Comment?.Text);
        return
            field.Type
                is Ast.ArrayType
                {
                    SizeType: Ast.ArrayType.ArraySize.Constant,
                    Type: not Ast.ArrayType
                } array
            ? new Field(field.Name, mapper.Element(array.Type), array.Size, comment)
            : new Field(field.Name, mapper.Value(field.Type), 0, comment);
    }

    private static Function Function(Ast.Function function)
    {
        var mapper = new TypeMapper(function.LineNumberStart, function.Name);
        if (function.IsVariadic)
        {
            throw mapper.Refuse("is variadic; give it a fixed list of parameters");
        }
        if (!function.Name.StartsWith("hd_", StringComparison.Ordinal))
        {
            throw mapper.Refuse("must begin with hd_");
        }
        if (function.ReturnType.Type is not Ast.TypedefType { Declaration.Name: "int32_t" })
        {
            throw mapper.Refuse("must return int32_t, the status; results go through out-pointers");
        }
        return new Function(
            function.Name,
            [.. function.Parameters.Select(p => Parameter(function, p))],
            CommentReader.Read(function.Comment?.Text)
        );
    }

    private static Parameter Parameter(Ast.Function function, Ast.Parameter parameter)
    {
        var mapper = new TypeMapper(
            parameter.LineNumberStart,
            $"Parameter {parameter.Name} of {function.Name}"
        );
        return new Parameter(parameter.Name, mapper.Value(parameter.Type));
    }

    [GeneratedRegex(
        @"(?:(?<comment>/\*\*(?:(?!\*/)[\s\S])*\*/)\n)?^[ ]*#[ ]*define[ ]+(?<name>HD_\w+)[ ]*(?<value>[^\n]*?)[ ]*$",
        RegexOptions.Multiline
    )]
    private static partial Regex Define();
}
