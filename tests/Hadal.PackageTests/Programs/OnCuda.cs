using Hadal;
using Hadal.Bindings;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tokenization;

// Writes with the model in a folder on the first CUDA device, and on the CPU. Ends with 77 where there is no device.
string folder = args[0];
try
{
    using Device cuda = Device.Cuda();
    Console.WriteLine(cuda.Name);
    Console.WriteLine(await WriteAsync(cuda));
}
catch (NativeUnsupportedException e)
{
    Console.Error.WriteLine(e.Message);
    return 77;
}
using Device cpu = Device.Cpu();
Console.WriteLine(await WriteAsync(cpu));
return 0;

async Task<string> WriteAsync(Device device)
{
    var model = new ModelOptions { MaxStepTokens = 16, MaxContextTokens = 64 };
    using DeepSeekModel loaded = DeepSeekModel.Load(folder, device, model);
    using var engine = new InferenceEngine(loaded, DeepSeekTokenizer.Load(folder));
    var options = new GenerationOptions
    {
        Sampling = new() { Temperature = 0 },
        Stop = new() { MaxTokens = 4 },
    };
    string text = "";
    await foreach (GeneratedToken token in engine.GenerateAsync("In the beginning", options))
        text += token.Text;
    return text;
}
