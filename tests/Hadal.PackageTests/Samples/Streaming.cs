using Hadal;
using Hadal.Generation;
using Hadal.Model;
using Hadal.Tokenization;

string folder = args[0];
using Device device = Device.Cpu();
using DeepSeekModel model = DeepSeekModel.Load(folder, device);
using var generator = new TokenGenerator(model, DeepSeekTokenizer.Load(folder));
var options = new GenerationOptions
{
    Sampling = new() { Temperature = 0.7f, Seed = 1 },
    Stop = new() { MaxTokens = 40 },
};
await foreach (GeneratedToken token in generator.GenerateAsync("In the beginning", options))
    Console.Write(token.Text);
