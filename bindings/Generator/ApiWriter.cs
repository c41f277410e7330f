using Hadal.Bindings.Generator.Model;

namespace Hadal.Bindings.Generator;

/// <summary>Writes the model as C# files.</summary>
internal static class ApiWriter
{
    private const string LayoutList = "List<(string Struct, string Field, long Offset, long Size)>";

    /// <summary>Returns the text of every file by its name.</summary>
    public static IReadOnlyDictionary<string, string> Write(Api api) =>
        new Dictionary<string, string>
        {
            ["Enums.cs"] = Enumerations(api),
            ["Structs.cs"] = Structures(api),
            ["NativeMethods.cs"] = Functions(api),
            ["Layouts.cs"] = Layouts(api),
        };

    private static string Enumerations(Api api)
    {
        var output = new Output();
        foreach (var enumeration in api.Enumerations)
        {
            Separate(output, enumeration == api.Enumerations[0]);
            output.Document(enumeration.Documentation);
            output.Open($"public enum {Output.Escape(enumeration.Name)} : int");
            var documented = enumeration.Members.Any(m => m.Documentation.Summary.Length > 0);
            foreach (var member in enumeration.Members)
            {
                if (documented)
                {
                    output.Separate();
                }
                output.Document(member.Documentation);
                output.Line($"{Output.Escape(member.Name)} = {member.Value},");
            }
            output.Close();
        }
        return output.ToString();
    }

    private static string Structures(Api api)
    {
        var output = new Output("System.Runtime.InteropServices");
        foreach (var structure in api.Structures)
        {
            Separate(output, structure == api.Structures[0]);
            output.Document(structure.Documentation);
            if (structure.Fields.Count == 0)
            {
                output.Line($"public struct {Output.Escape(structure.Name)} {{ }}");
                continue;
            }
            output.Line("[StructLayout(LayoutKind.Sequential)]");
            output.Open($"public unsafe struct {Output.Escape(structure.Name)}");
            foreach (var field in structure.Fields)
            {
                output.Separate();
                output.Document(field.Documentation);
                output.Line(
                    field.Count == 0
                        ? $"public {field.Type} {Output.Escape(field.Name)};"
                        : $"public fixed {field.Type} {Output.Escape(field.Name)}[{field.Count}];"
                );
            }
            output.Close();
        }
        return output.ToString();
    }

    private static string Functions(Api api)
    {
        var output = new Output("System.Runtime.InteropServices");
        output.Document(
            Documentation.None with
            {
                Summary =
                    "The constants and functions of hadal.h. The rules that hold for every function stand at its head.",
            }
        );
        output.Open("public static unsafe partial class NativeMethods");
        output.Separate();
        output.Document(
            Documentation.None with
            {
                Summary = "Name by which the functions' library is looked up.",
            }
        );
        output.Line("public const string LibraryName = \"hadal\";");
        output.Separate();
        output.Document(
            Documentation.None with
            {
                Summary = "SHA-256 of the hadal.h that this was made from.",
            }
        );
        output.Line("public const string HeaderSha256 =");
        output.Line($"    \"{api.HeaderSha256}\";");
        foreach (var constant in api.Constants)
        {
            output.Separate();
            output.Document(constant.Documentation);
            output.Line($"public const int {Output.Escape(constant.Name)} = {constant.Value};");
        }
        foreach (var function in api.Functions)
        {
            output.Separate();
            Function(output, function);
        }
        output.Close();
        return output.ToString();
    }

    private static void Function(Output output, Function function)
    {
        output.Document(function.Documentation);
        output.Line("[DllImport(LibraryName, ExactSpelling = true)]");
        var head = $"public static extern int {Output.Escape(function.Name)}(";
        var parameters = function
            .Parameters.Select(p => $"{p.Type} {Output.Escape(p.Name)}")
            .ToList();
        var declaration = $"{head}{string.Join(", ", parameters)});";
        if (output.Fits(declaration))
        {
            output.Line(declaration);
            return;
        }
        output.Line(head);
        for (var i = 0; i < parameters.Count; i++)
        {
            output.Line($"    {parameters[i]}{(i + 1 < parameters.Count ? "," : "")}");
        }
        output.Line(");");
    }

    private static string Layouts(Api api)
    {
        var output = new Output("System.Collections.Generic");
        output.Document(
            Documentation.None with
            {
                Summary =
                    "The layouts of the structs as C# has them, to be compared with the library's own report: for "
                    + "each struct its size under an empty field name, then the offset and size of each field, in bytes.",
            }
        );
        output.Open("internal static unsafe class Layouts");
        output.Separate();
        output.Open($"public static {LayoutList} All()");
        output.Line($"var to = new {LayoutList}();");
        var structures = api.Structures.Where(s => s.Fields.Count > 0).ToList();
        foreach (var structure in structures)
        {
            output.Line($"Add_{structure.Name}(to);");
        }
        output.Line("return to;");
        output.Close();
        foreach (var structure in structures)
        {
            output.Separate();
            Layout(output, structure);
        }
        output.Close();
        return output.ToString();
    }

    private static void Layout(Output output, Structure structure)
    {
        output.Line($"private static void Add_{structure.Name}(");
        output.Line($"    {LayoutList} to");
        output.Line(")");
        output.Open();
        output.Line($"const string name = \"{structure.Name}\";");
        output.Line($"{Output.Escape(structure.Name)} s = default;");
        output.Line("var start = (byte*)&s;");
        output.Line($"to.Add((name, \"\", 0, sizeof({Output.Escape(structure.Name)})));");
        foreach (var field in structure.Fields)
        {
            var at = field.Count == 0 ? "&s." : "s.";
            var size = field.Count == 0 ? "" : $"{field.Count} * ";
            var entry =
                $"(name, \"{field.Name}\", (byte*){at}{Output.Escape(field.Name)} - start, {size}sizeof({field.Type}))";
            if (output.Fits($"to.Add({entry});"))
            {
                output.Line($"to.Add({entry});");
            }
            else
            {
                output.Line("to.Add(");
                output.Line($"    {entry}");
                output.Line(");");
            }
        }
        output.Close();
    }

    private static void Separate(Output output, bool first)
    {
        if (!first)
        {
            output.Line();
        }
    }
}
