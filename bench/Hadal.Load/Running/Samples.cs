namespace Hadal.Load.Running;

/// <summary>Measured values, of which parts are asked for. Thread-safe.</summary>
internal sealed class Samples
{
    private readonly Lock _lock = new();
    private readonly List<double> _values = [];
    private bool _isSorted;

    public void Add(double value)
    {
        lock (_lock)
        {
            _values.Add(value);
            _isSorted = false;
        }
    }

    /// <summary>The least value that so many of them do not exceed; NaN without values.</summary>
    public double Part(double part)
    {
        lock (_lock)
        {
            if (_values.Count == 0)
                return double.NaN;
            if (!_isSorted)
                _values.Sort();
            _isSorted = true;
            int index = (int)Math.Ceiling(part * _values.Count) - 1;
            return _values[Math.Clamp(index, 0, _values.Count - 1)];
        }
    }
}
