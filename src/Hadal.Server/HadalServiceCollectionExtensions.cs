using Hadal.Server.Http;
using Hadal.Server.Loading;
using Hadal.Server.Metrics;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Hadal.Server;

/// <summary>Adds a model to an application.</summary>
public static class HadalServiceCollectionExtensions
{
    // After the answers have ended, connections and the engine still have to.
    private static readonly TimeSpan s_afterDrain = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Adds a model that is loaded while the application is up: <see cref="HadalModel"/> as a service, an
    /// <see cref="IChatClient"/> where the application has no other, which is also there under the key
    /// <see cref="HadalModel.ServiceKey"/>, and a health check <c>hadal</c>. <see cref="HadalEndpoints.MapHadal"/> serves it. The application stops when running answers have ended,
    /// or <see cref="HadalOptions.DrainTime"/> is over.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">
    /// Changes the options after the configuration's section <see cref="HadalOptions.Section"/>; null for nothing.
    /// </param>
    /// <returns>The services.</returns>
    /// <exception cref="OptionsValidationException">When the application is built or starts: an option can't be; the message names it.</exception>
    public static IServiceCollection AddHadal(
        this IServiceCollection services,
        Action<HadalOptions>? configure = null
    )
    {
        ArgumentNullException.ThrowIfNull(services);
        OptionsBuilder<HadalOptions> options = services
            .AddOptions<HadalOptions>()
            .BindConfiguration(HadalOptions.Section)
            .ValidateOnStart();
        if (configure is not null)
            options.Configure(configure);
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<HadalOptions>, HadalOptionsValidator>()
        );
        services
            .AddOptions<HostOptions>()
            .PostConfigure<IOptions<HadalOptions>>(
                static (host, hadal) =>
                {
                    TimeSpan least = hadal.Value.DrainTime + s_afterDrain;
                    if (host.ShutdownTimeout < least)
                        host.ShutdownTimeout = least;
                }
            );
        services.TryAddSingleton(static provider => new HadalModel(
            provider.GetRequiredService<IOptions<HadalOptions>>().Value.NameOf()
        ));
        services.TryAddSingleton<ModelSource>();
        services.TryAddSingleton<RequestGate>();
        services.TryAddSingleton<ServerMetrics>();
        services.TryAddSingleton<ApiServices>();
        services.TryAddKeyedSingleton<IChatClient>(
            HadalModel.ServiceKey,
            static (provider, _) => new LoadingChatClient(provider.GetRequiredService<HadalModel>())
        );
        services.TryAddSingleton(static provider =>
            provider.GetRequiredKeyedService<IChatClient>(HadalModel.ServiceKey)
        );
        services.AddHostedService<ModelService>();
        services.AddHealthChecks().AddCheck<HadalHealthCheck>("hadal");
        return services;
    }
}
