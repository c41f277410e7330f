using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Cli;

/// <summary>Reads token ids from a tensor.</summary>
internal static class SafetensorsIds
{
    /// <param name="file">The file.</param>
    /// <param name="name">A tensor of one dimension, I32 or I64.</param>
    /// <param name="vocabularySize">One more than the greatest id.</param>
    /// <exception cref="CheckpointException">There is no such tensor, or it is not of ids.</exception>
    public static int[] Read(SafetensorsFile file, string name, int vocabularySize)
    {
        TensorView tensor = file[name];
        if (tensor.Shape.Length != 1 || tensor.DType is not (DType.I32 or DType.I64))
            throw new CheckpointException(
                $"{file.Path}: '{tensor}' must be token ids: one dimension of I32 or I64"
            );
        long[] ids =
            tensor.DType == DType.I64
                ? tensor.AsSpan<long>().ToArray()
                : Array.ConvertAll(tensor.AsSpan<int>().ToArray(), static id => (long)id);
        foreach (long id in ids)
        {
            if (id < 0 || id >= vocabularySize)
                throw new CheckpointException(
                    $"{file.Path}: '{name}' has {id}; the vocabulary's ids are 0 to {vocabularySize - 1}"
                );
        }
        return Array.ConvertAll(ids, static id => (int)id);
    }
}
