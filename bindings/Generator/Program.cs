using Hadal.Bindings.Generator;

switch (args)
{
    case ["--self-test"]:
        return SelfTest.Run();
    case [var header, var folder]:
        try
        {
            var files = ApiWriter.Write(ApiReader.Read(Path.GetFullPath(header)));
            Directory.CreateDirectory(folder);
            foreach (var (name, text) in files)
            {
                File.WriteAllText(Path.Combine(folder, name), text);
            }
            return 0;
        }
        catch (Refusal refusal)
        {
            Console.Error.WriteLine($"{header}:{refusal.Line}: {refusal.Message}");
            return 1;
        }
    default:
        Console.Error.WriteLine(
            "usage: Hadal.Bindings.Generator HEADER FOLDER | Hadal.Bindings.Generator --self-test"
        );
        return 2;
}
