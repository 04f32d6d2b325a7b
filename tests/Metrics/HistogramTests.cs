using FsCheck;
using FsCheck.Fluent;
using LowLatency.Core.Metrics;
using Xunit;

namespace LowLatency.Tests.Metrics;

public class HistogramTests
{
    private static readonly double[] Quantiles = [0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1];

    [Theory]
    [InlineData(1, 200)]
    [InlineData(2, 100_000)]
    [InlineData(3, 100_000_000_000)]
    public void ShouldAgreeWithExactSort(int seed, long largest)
    {
        var random = new Random(seed);
        var histogram = new Histogram();
        var values = new long[20_000];
        for (int i = 0; i < values.Length; i++)
        {
            // Spread over the powers of two, as latencies with a tail are.
            values[i] = (long)Math.Pow(largest, random.NextDouble());
            histogram.Record(values[i]);
        }
        AssertAgrees(values, histogram);
    }

    [Fact]
    public void ShouldAgreeWithExactSortForAnyValues()
    {
        Gen<long> value = ArbMap.Default.GeneratorFor<int>()
            .SelectMany(_ => Gen.Choose(0, 41).SelectMany(bits => Gen.Choose(0, int.MaxValue)
                .Select(x => (((long)x << 11) ^ x) & ((1L << bits) - 1))));
        Prop.ForAll(Gen.NonEmptyListOf(value).ToArbitrary(), values =>
        {
            var histogram = new Histogram();
            foreach (long v in values)
                histogram.Record(v);
            AssertAgrees([.. values], histogram);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void ShouldBeExactForSmallValuesAndEdgesOfBuckets()
    {
        for (int bits = 0; bits <= 41; bits++)
        {
            foreach (long value in new[] { (1L << bits) - 1, 1L << bits, (1L << bits) + 1 })
            {
                var histogram = new Histogram();
                histogram.Record(value);
                histogram.Record(long.MaxValue); // So that the quantile comes from its bucket, not from the maximum.
                long reported = histogram.ValueAtQuantile(0.5);
                Assert.InRange(reported, value, value + value / 128);
                if (value < 256)
                    Assert.Equal(value, reported);
            }
        }
    }

    [Fact]
    public void ShouldCountWhatIsOutOfRange()
    {
        var histogram = new Histogram();
        histogram.Record(-5);
        histogram.Record(Histogram.HighestTrackable + 1);
        histogram.Record(long.MaxValue);
        Assert.Equal(3, histogram.Count);
        Assert.Equal(0, histogram.Min);
        Assert.Equal(0, histogram.ValueAtQuantile(0));
        Assert.Equal(long.MaxValue, histogram.Max);
        Assert.Equal(long.MaxValue, histogram.ValueAtQuantile(0.6));
    }

    [Fact]
    public void ShouldBeEmptyAtFirstAndAfterReset()
    {
        var histogram = new Histogram();
        AssertEmpty(histogram);
        histogram.Record(7);
        histogram.Reset();
        AssertEmpty(histogram);
        histogram.Record(9);
        Assert.Equal(9, histogram.Min);
        Assert.Equal(9, histogram.Max);
    }

    [Fact]
    public void ShouldAddAnotherAsIfItsValuesWereRecorded()
    {
        var first = new Histogram();
        var second = new Histogram();
        var values = new List<long>();
        for (int i = 1; i <= 2_000; i++)
        {
            long value = (long)i * i * i;
            (i % 3 == 0 ? first : second).Record(value);
            values.Add(value);
        }
        first.Add(second);
        first.Add(new Histogram());
        AssertAgrees([.. values], first);
    }

    [Fact]
    public void ShouldRecordManyTimesAsOneByOne()
    {
        var histogram = new Histogram();
        histogram.Record(100, times: 9_999);
        histogram.Record(200);
        Assert.Equal(10_000, histogram.Count);
        Assert.Equal(100, histogram.ValueAtQuantile(0.9999));
        Assert.Equal(200, histogram.ValueAtQuantile(1));
        Assert.Equal(100.01, histogram.Mean, 6);
    }

    [Fact]
    public void ShouldRefuseQuantileOutOfRange()
    {
        var histogram = new Histogram();
        Assert.Throws<ArgumentOutOfRangeException>(() => histogram.ValueAtQuantile(-0.1));
        Assert.Throws<ArgumentOutOfRangeException>(() => histogram.ValueAtQuantile(99));
    }

    [Fact]
    public void ShouldNotAllocateOnRecord()
    {
        var histogram = new Histogram();
        histogram.Record(1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (long i = 0; i < 100_000; i++)
            histogram.Record(i * i);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static void AssertEmpty(Histogram histogram)
    {
        Assert.Equal(0, histogram.Count);
        Assert.Equal(0, histogram.Min);
        Assert.Equal(0, histogram.Max);
        Assert.Equal(0, histogram.Mean);
        Assert.Equal(0, histogram.ValueAtQuantile(0.5));
    }

    private static void AssertAgrees(long[] values, Histogram histogram)
    {
        Array.Sort(values);
        Assert.Equal(values.Length, histogram.Count);
        Assert.Equal(values[0], histogram.Min);
        Assert.Equal(values[^1], histogram.Max);
        Assert.Equal(values.Average(), histogram.Mean, values[^1] * 1e-9 + 1e-9);
        foreach (double quantile in Quantiles)
        {
            int rank = Math.Clamp((int)Math.Ceiling(quantile * values.Length), 1, values.Length);
            long exact = values[rank - 1];
            Assert.InRange(histogram.ValueAtQuantile(quantile), exact, exact + exact / 128);
        }
    }
}
