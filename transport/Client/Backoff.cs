namespace LowLatency.Client;

/// <summary>Pauses between tries to connect: doubling up to a bound, shortened at random so that clients do not come in step.</summary>
internal sealed class Backoff
{
    private readonly int _firstMs;
    private readonly int _maxMs;
    private readonly Random _random;
    private int _nextMs;

    internal Backoff(TimeSpan first, TimeSpan max, Random random)
    {
        _firstMs = (int)first.TotalMilliseconds;
        _maxMs = (int)max.TotalMilliseconds;
        _random = random;
        Reset();
    }

    internal void Reset() => _nextMs = _firstMs;

    /// <summary>The next pause in milliseconds, at least 1.</summary>
    internal int Next()
    {
        int full = _nextMs;
        _nextMs = (int)Math.Min((long)full * 2, _maxMs);
        return Math.Max(1, full - _random.Next(full / 2 + 1));
    }
}
