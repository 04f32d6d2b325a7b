namespace LowLatency.Server.Simulation;

/// <summary>Random numbers that are the same for a seed on every runtime: SplitMix64.</summary>
internal sealed class SimulationRandom(ulong seed) : Random
{
    private ulong _state = seed;

    internal ulong NextWord()
    {
        ulong word = _state += 0x9E37_79B9_7F4A_7C15;
        word = (word ^ (word >> 30)) * 0xBF58_476D_1CE4_E5B9;
        word = (word ^ (word >> 27)) * 0x94D0_49BB_1331_11EB;
        return word ^ (word >> 31);
    }

    public override int Next() => Next(int.MaxValue);

    public override int Next(int maxValue) => (int)(((NextWord() >> 32) * (ulong)maxValue) >> 32);

    public override int Next(int minValue, int maxValue) => minValue + Next(maxValue - minValue);

    public override double NextDouble() => (NextWord() >> 11) * (1.0 / (1ul << 53));

    protected override double Sample() => NextDouble();
}
