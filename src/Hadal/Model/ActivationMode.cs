namespace Hadal.Model;

/// <summary>How activations are kept between operations; the FP8 semantics are the same.</summary>
public enum ActivationMode
{
    /// <summary>Rounded to bfloat16: what the GPU kernels compute, and what is fast.</summary>
    BFloat16,

    /// <summary>f32, where <see cref="Device.RunsFloat32"/>, and slow: it reproduces DeepSeek's reference almost exactly.</summary>
    Float32,
}
