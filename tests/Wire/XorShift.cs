namespace LowLatency.Tests.Wire;

/// <summary>A small seeded generator without allocation: the same numbers on every machine and runtime.</summary>
internal struct XorShift(ulong seed)
{
    private ulong _state = seed * 0x9E3779B97F4A7C15 + 0x2545F4914F6CDD1D;

    internal ulong Next()
    {
        _state ^= _state << 13;
        _state ^= _state >> 7;
        _state ^= _state << 17;
        return _state;
    }

    /// <summary>0 to <paramref name="limit"/> - 1.</summary>
    internal int Next(int limit) => (int)((Next() >> 33) % (uint)limit);

    internal bool OneIn(int count) => Next(count) == 0;
}
