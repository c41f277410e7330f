using System.Text.Json;
using Hadal.Server.Http;
using Hadal.Server.Requests;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Hadal.Server;

/// <summary><c>GET /v1/models</c> and <c>GET /v1/models/ID</c>.</summary>
internal static class ModelsEndpoint
{
    private static readonly long s_created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    public static Task ListAsync(HttpContext http, ApiServices services) =>
        JsonReply.WriteAsync(
            http.Response,
            StatusCodes.Status200OK,
            json =>
            {
                json.WriteStartObject();
                json.WriteString("object", "list");
                json.WriteStartArray("data");
                Write(json, services.Model);
                json.WriteEndArray();
                json.WriteEndObject();
            },
            http.RequestAborted
        );

    public static Task GetAsync(HttpContext http, ApiServices services)
    {
        string id = http.GetRouteValue("id") as string ?? "";
        if (id != services.Model.Name)
            throw ModelField.NotFound(id, services.Model);
        return JsonReply.WriteAsync(
            http.Response,
            StatusCodes.Status200OK,
            json => Write(json, services.Model),
            http.RequestAborted
        );
    }

    private static void Write(Utf8JsonWriter json, HadalModel model)
    {
        json.WriteStartObject();
        json.WriteString("id", model.Name);
        json.WriteString("object", "model");
        json.WriteNumber("created", s_created);
        json.WriteString("owned_by", "hadal");
        // As other open servers tell it; known when the model is loaded.
        if (model.State is HadalState.Ready or HadalState.Draining && model.Progress == 1)
            json.WriteNumber("max_model_len", model.Chat.Engine.MaxTokens);
        json.WriteEndObject();
    }
}
