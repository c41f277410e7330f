using System.Text;
using Hadal.Cli;

// Written text may be of any script, whatever the system's code page.
Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
Console.InputEncoding = Encoding.UTF8;
return await Tool.RunAsync(args, Terminal.OfProcess()).ConfigureAwait(false);
