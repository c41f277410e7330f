namespace Hadal.Tensors;

/// <summary>How long the calls of an operation took together.</summary>
/// <param name="Op">Its name in hadal.h without hd_, such as <c>fp8_gemm</c>.</param>
/// <param name="Time">Wall time.</param>
internal readonly record struct OpTime(string Op, TimeSpan Time);
