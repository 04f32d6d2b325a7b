using System.Numerics;

namespace LowLatency.Core.Routing;

/// <summary>A binding of a consistent-hash exchange as <see cref="HashPlaces"/> sees it: what it draws for a place depends on nothing else.</summary>
internal readonly struct HashDrawer
{
    private readonly ulong _identity;
    private readonly double _perWeight;

    // By names, not by ids: the same definitions choose alike on any broker.
    internal HashDrawer(bool isToExchange, ReadOnlySpan<byte> destination, ReadOnlySpan<byte> key, ReadOnlySpan<byte> arguments, int weight)
    {
        _identity = RouteHash.Of(arguments, RouteHash.Of(key, RouteHash.Of(destination, isToExchange ? 2ul : 1ul)));
        _perWeight = 1d / weight;
    }

    /// <summary>It gets the place rather than another.</summary>
    internal bool IsBefore(in HashDrawer other, int place)
    {
        double mine = Draw(place);
        double others = other.Draw(place);
        return mine < others || (mine == others && _identity < other._identity);
    }

    // Exponentially distributed, with the weight as its rate.
    private double Draw(int place) => MinusLog2(RouteHash.Mix(_identity + ((ulong)(uint)place * 0x9E3779B97F4A7C15))) * _perWeight;

    // -log2 of the number as a fraction of 2^64, by plain arithmetic: the same on every machine, which the C library's logarithm is not.
    private static double MinusLog2(ulong value)
    {
        value |= 1;
        int zeroes = BitOperations.LeadingZeroCount(value);
        double fraction = ((value << zeroes) >> 11) * (1d / (1ul << 53)); // From 0.5 up to 1.
        // ln x = 2 (t + t^3/3 + t^5/5 + t^7/7 + …) with t = (x - 1) / (x + 1), which is from -1/3 to 0 here.
        double t = (fraction - 1) / (fraction + 1);
        double square = t * t;
        double log = t * (2 + (square * ((2d / 3) + (square * ((2d / 5) + (square * ((2d / 7) + (square * (2d / 9)))))))));
        return zeroes - (log * 1.4426950408889634);
    }
}
