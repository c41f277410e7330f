namespace Hadal.Model;

/// <summary>How far the loading of a model is.</summary>
/// <param name="TensorsDone">Tensors placed on the device.</param>
/// <param name="TensorsTotal">Tensors to place.</param>
/// <param name="BytesDone">Their bytes.</param>
/// <param name="BytesTotal">All bytes.</param>
public readonly record struct LoadProgress(
    int TensorsDone,
    int TensorsTotal,
    long BytesDone,
    long BytesTotal
);
