using Hadal.Json;
using Hadal.Server.Http;
using Microsoft.AspNetCore.Http;

namespace Hadal.Server.Requests;

/// <summary>The field <c>model</c>.</summary>
internal static class ModelField
{
    /// <summary>It may be left out, as there is one model.</summary>
    /// <exception cref="ApiException">Another model is asked for.</exception>
    public static void Check(JsonFields request, HadalModel model)
    {
        if (!request.Has("model"))
            return;
        string name = request.Text("model");
        if (name != model.Name)
            throw NotFound(name, model);
    }

    public static ApiException NotFound(string name, HadalModel model) =>
        new(
            StatusCodes.Status404NotFound,
            $"There is no model '{QuotedText.Shorten(name)}' here; the model is '{model.Name}'"
        )
        {
            Param = "model",
            Code = "model_not_found",
        };
}
