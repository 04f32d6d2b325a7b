using System.Numerics;
using System.Runtime.CompilerServices;

namespace LowLatency.Core.Metrics;

/// <summary>Counts of values in log-linear buckets: quantiles of latencies from nanoseconds to an hour, in 36 KiB.</summary>
/// <remarks>
/// Values below 256 have a bucket each. Above, each power of two is cut into 128 buckets of equal width:
/// <code>
///   index   0 .. 255   256 .. 383   384 .. 511   ...
///   width          1            2            4   ...
///   from           0          256          512   ...
/// </code>
/// so a reported quantile is never below the true one and at most 1/128 (0.8 %) above it. Count, minimum, maximum and
/// sum are exact. One thread records and reads; hand it over through something that orders memory.
/// </remarks>
internal sealed class Histogram
{
    /// <summary>Values above are counted in the last bucket; the maximum still tells them. 2^42 ns are 73 minutes.</summary>
    internal const long HighestTrackable = (1L << MaxBits) - 1;

    private const int MaxBits = 42;
    private const int SubBucketBits = 7;
    private const int SubBuckets = 1 << SubBucketBits;

    private readonly long[] _counts = new long[IndexOf(HighestTrackable) + 1];
    private long _min = long.MaxValue;
    private long _max;
    private double _sum;

    /// <summary>How many values were recorded.</summary>
    internal long Count { get; private set; }

    /// <summary>Smallest value recorded; 0 when there is none.</summary>
    internal long Min => Count == 0 ? 0 : _min;

    /// <summary>Largest value recorded, exact; 0 when there is none.</summary>
    internal long Max => _max;

    /// <summary>Mean of the values recorded; 0 when there is none.</summary>
    internal double Mean => Count == 0 ? 0 : _sum / Count;

    /// <summary>Counts one value.</summary>
    /// <param name="value">In the caller's unit, usually nanoseconds. Negative counts as 0.</param>
    /// <remarks>Never blocks, throws or allocates.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Record(long value) => Record(value, 1);

    /// <summary>Counts one value several times, for many messages that share one time.</summary>
    /// <param name="value">In the caller's unit, usually nanoseconds. Negative counts as 0.</param>
    /// <param name="times">How often, 1 or more.</param>
    /// <remarks>Never blocks, throws or allocates.</remarks>
    internal void Record(long value, long times)
    {
        if (value < 0)
            value = 0;
        if (value < _min)
            _min = value;
        if (value > _max)
            _max = value;
        _sum += (double)value * times;
        Count += times;
        _counts[IndexOf(Math.Min(value, HighestTrackable))] += times;
    }

    /// <summary>The value that a share of all values does not exceed.</summary>
    /// <param name="quantile">0 to 1: 0.5 is the median, 1 the maximum.</param>
    /// <returns>At most 0.8 % above the true quantile, never below it; 0 when nothing was recorded.</returns>
    internal long ValueAtQuantile(double quantile)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(quantile);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(quantile, 1);
        if (Count == 0)
            return 0;
        long rank = Math.Clamp((long)Math.Ceiling(quantile * Count), 1, Count);
        if (rank == Count)
            return _max;
        long seen = 0;
        for (int index = 0; index < _counts.Length - 1; index++)
        {
            seen += _counts[index];
            if (seen >= rank)
                return Math.Min(HighestOf(index), _max);
        }
        return _max; // The last bucket also holds what is beyond the range.
    }

    /// <summary>Adds all values of another histogram.</summary>
    internal void Add(Histogram other)
    {
        for (int index = 0; index < _counts.Length; index++)
            _counts[index] += other._counts[index];
        Count += other.Count;
        _sum += other._sum;
        _min = Math.Min(_min, other._min);
        _max = Math.Max(_max, other._max);
    }

    /// <summary>Forgets all values.</summary>
    internal void Reset()
    {
        Array.Clear(_counts);
        Count = 0;
        _sum = 0;
        _min = long.MaxValue;
        _max = 0;
    }

    /// <summary>Bucket of a value between 0 and <see cref="HighestTrackable"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int IndexOf(long value)
    {
        // Below 2 * SubBuckets the shift is 0 and the index is the value itself.
        int shift = BitOperations.Log2((ulong)value | (SubBuckets * 2 - 1)) - SubBucketBits;
        return (shift << SubBucketBits) + (int)(value >> shift);
    }

    /// <summary>Largest value of a bucket.</summary>
    private static long HighestOf(int index)
    {
        if (index < SubBuckets * 2)
            return index;
        int shift = (index >> SubBucketBits) - 1;
        long first = (long)(SubBuckets + (index & (SubBuckets - 1))) << shift;
        return first + (1L << shift) - 1;
    }
}
