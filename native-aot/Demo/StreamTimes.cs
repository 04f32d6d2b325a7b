using LowLatency.Core.Metrics;

namespace LowLatency.Server.Demo;

/// <summary>Times of a stream, from the moment at which each event was due, and what its thread allocated.</summary>
/// <remarks>
/// An event belongs to one of three: warm-up (not timed), outage (due or under way between the kill and the moment when the
/// publisher had caught up with its schedule), steady (all others).
/// </remarks>
internal sealed class StreamTimes
{
    private readonly long _warmUpNs;
    private long _allocatedAtStart;
    private long _messagesAtStart;
    private bool _measuring;

    internal StreamTimes(TimeSpan warmUp) => _warmUpNs = (long)warmUp.TotalNanoseconds;

    internal Histogram OneWay { get; } = new();

    internal Histogram Confirm { get; } = new();

    internal Histogram OutageOneWay { get; } = new();

    internal Histogram OutageConfirm { get; } = new();

    /// <summary>Bytes that the stream's thread allocated while it was measured.</summary>
    internal long AllocatedBytes { get; private set; }

    /// <summary>Events published while it was measured.</summary>
    internal long AllocatedOver { get; private set; }

    internal double AllocatedPerMessage => AllocatedOver == 0 ? 0 : AllocatedBytes / (double)AllocatedOver;

    /// <summary>Number of the first event that counts as steady; <see cref="long.MaxValue"/> during an outage.</summary>
    internal long SteadyFrom { get; private set; }

    /// <summary>Number of the first event that belongs to neither warm-up nor outage.</summary>
    internal long MeasuredFrom { get; private set; }

    /// <summary>A broker has started and the publisher is on its schedule from event <paramref name="number"/> on.</summary>
    internal void BeginSteady(long number, int rate)
    {
        SteadyFrom = number;
        MeasuredFrom = number + (long)(_warmUpNs / 1e9 * rate);
    }

    /// <summary>The broker is about to die: what arrives from now on belongs to the outage.</summary>
    internal void BeginOutage(long published)
    {
        EndMeasure(published);
        SteadyFrom = long.MaxValue;
        MeasuredFrom = long.MaxValue;
    }

    /// <summary>Starts to count bytes when the warm-up is over. The stream's thread.</summary>
    internal void Step(long published)
    {
        if (_measuring || published < MeasuredFrom)
            return;
        _measuring = true;
        _messagesAtStart = published;
        _allocatedAtStart = GC.GetAllocatedBytesForCurrentThread();
    }

    /// <summary>Ends counting bytes. The stream's thread.</summary>
    internal void EndMeasure(long published)
    {
        if (!_measuring)
            return;
        _measuring = false;
        AllocatedBytes += GC.GetAllocatedBytesForCurrentThread() - _allocatedAtStart;
        AllocatedOver += published - _messagesAtStart;
    }

    internal void OnDelivered(long number, long ns) => Record(number, ns, OneWay, OutageOneWay);

    internal void OnConfirmed(long number, long ns) => Record(number, ns, Confirm, OutageConfirm);

    private void Record(long number, long ns, Histogram steady, Histogram outage)
    {
        if (number >= MeasuredFrom)
            steady.Record(ns);
        else if (number < SteadyFrom)
            outage.Record(ns);
    }
}
