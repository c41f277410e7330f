using Hadal;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tokenization;

string folder = args[0];
using Device device = Device.Cpu();
using DeepSeekModel model = DeepSeekModel.Load(folder, device);
using var engine = new InferenceEngine(model, DeepSeekTokenizer.Load(folder));
var options = new GenerationOptions
{
    Sampling = new() { Temperature = 0.7f, Seed = 1 },
    Stop = new() { MaxTokens = 40 },
};
await foreach (GeneratedToken token in engine.GenerateAsync("In the beginning", options))
    Console.Write(token.Text);
