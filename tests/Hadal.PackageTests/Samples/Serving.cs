using Hadal.Server;
using Microsoft.AspNetCore.Builder;

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();

// The section "Hadal" of appsettings.json, and Hadal__CacheTokens in the environment, say the rest.
builder.Services.AddHadal(options => options.Model = args[0]);
WebApplication app = builder.Build();
app.MapHadal();
await app.RunAsync();
