namespace LowLatency.Server.Simulation;

/// <summary>A number over what a run did: the same seed makes the same, under JIT and AOT.</summary>
internal struct SimulationHash
{
    private ulong _state;

    public SimulationHash() => _state = 14695981039346656037;

    internal readonly ulong Value => _state;

    internal void Add(ulong value) => _state = ulong.RotateLeft((_state ^ value) * 0x9E37_79B9_7F4A_7C15, 29);

    internal void Add(ReadOnlySpan<byte> bytes)
    {
        Add((ulong)bytes.Length);
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            Add(BitConverter.ToUInt64(bytes));
        foreach (byte b in bytes)
            Add(b);
    }
}
