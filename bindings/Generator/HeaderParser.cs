using CppSharp;
using CppSharp.AST;
using CppSharp.Parser;

namespace Hadal.Bindings.Generator;

/// <summary>Runs CppSharp's parser on one header, as C99 for 64-bit Linux and with the generator's own includes.</summary>
internal static class HeaderParser
{
    /// <summary>Returns the header's declarations.</summary>
    /// <param name="path">The header; nothing but it and the generator's <c>Include</c> folder is read.</param>
    /// <exception cref="Refusal">The header is not valid C.</exception>
    public static TranslationUnit Parse(string path)
    {
        var options = new ParserOptions
        {
            LanguageVersion = LanguageVersion.C99,
            NoBuiltinIncludes = true,
            NoStandardIncludes = true,
            TargetTriple = "x86_64-unknown-linux-gnu",
        };
        options.Setup(TargetPlatform.Linux);
        options.AddSystemIncludeDirs(Path.Combine(AppContext.BaseDirectory, "Include"));

        var result = CppSharp.ClangParser.ParseSourceFile(path, options);
        for (uint i = 0; i < result.DiagnosticsCount; i++)
        {
            var diagnostic = result.GetDiagnostics(i);
            if (diagnostic.Level >= ParserDiagnosticLevel.Error)
            {
                throw new Refusal(
                    diagnostic.LineNumber,
                    $"the header is not valid C: {diagnostic.Message}"
                );
            }
        }
        if (result.Kind != ParserResultKind.Success)
        {
            throw new InvalidOperationException($"CppSharp could not parse {path}: {result.Kind}.");
        }
        return CppSharp
            .ClangParser.ConvertASTContext(options.ASTContext)
            .TranslationUnits.Single(unit => unit.FilePath == path);
    }
}
