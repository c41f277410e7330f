using System.Globalization;
using Hadal.Json;

namespace Hadal.Checkpoints;

/// <summary>
/// The rotary embedding's base and stretch, in the spelling of published files (<c>rope_theta</c>, <c>rope_scaling</c>) or that
/// of transformers 5 (<c>rope_parameters</c>, which holds both). Where both are there, they must agree.
/// </summary>
/// <param name="Theta">The base of the frequencies.</param>
/// <param name="Scaling">The stretch; null for none.</param>
internal readonly record struct RotaryFields(double Theta, RopeScaling? Scaling)
{
    private const string ThetaName = "rope_theta";
    private const string Scalings = "rope_scaling";
    private const string Parameters = "rope_parameters";
    private const string Yarn = "yarn";
    private const string Default = "default";

    private static readonly string[] Known =
    [
        ThetaName,
        "type",
        "rope_type",
        "factor",
        "original_max_position_embeddings",
        "beta_fast",
        "beta_slow",
        "mscale",
        "mscale_all_dim",
        "attention_factor",
        "truncate",
        "partial_rotary_factor",
    ];

    public static RotaryFields Read(JsonFields config)
    {
        double? theta = config.Has(ThetaName) ? ReadTheta(config) : null;
        string thetaPath = ThetaName;
        bool isTold = false;
        RopeScaling? scaling = null;
        foreach (string name in (string[])[Scalings, Parameters])
        {
            if (!config.Has(name))
                continue;
            JsonFields fields = config.Object(name);
            fields.RequireKnown(Known);
            if (fields.Has(ThetaName))
            {
                double inner = ReadTheta(fields);
                if (theta is { } outer && inner != outer)
                    throw fields.Bad(
                        ThetaName,
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"but {thetaPath} is {outer}; they must agree"
                        )
                    );
                theta = inner;
                thetaPath = $"{name}.{ThetaName}";
            }
            if (fields.Names.All(static field => field == ThetaName))
                continue;
            RopeScaling? read = ReadScaling(fields);
            if (isTold && read != scaling)
                throw config.Bad(
                    name,
                    $"but {Scalings} tells another rotary embedding; they must agree"
                );
            isTold = true;
            scaling = read;
        }
        return new RotaryFields(theta ?? ReadTheta(config), scaling);
    }

    private static double ReadTheta(JsonFields fields) => fields.Number(ThetaName, 2, 1e12);

    private static RopeScaling? ReadScaling(JsonFields fields)
    {
        // What DeepSeek's code has no word for, in the only value that is the same as none.
        fields.RequireOrAbsent("attention_factor", 1);
        fields.RequireOrAbsent("truncate", true);
        fields.RequireOrAbsent("partial_rotary_factor", 1);
        if (!fields.Has("type") && !fields.Has("rope_type"))
            throw fields.Bad("rope_type", $"must be '{Yarn}' or '{Default}'");
        string type = "";
        foreach (string name in (string[])["type", "rope_type"])
        {
            if (fields.Has(name))
                type = fields.RequireText(name, Yarn, Default);
        }
        fields.RequireAgreement("type", "rope_type");
        return type == Yarn ? RopeScaling.Read(fields) : null;
    }
}
