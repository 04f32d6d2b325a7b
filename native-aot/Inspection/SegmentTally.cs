using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Server.Inspection;

/// <summary>Counts what stands in each segment, and what of it queues still hold.</summary>
internal sealed class SegmentTally(int segmentSize) : IJournalVisitor, IDisposable
{
    private readonly Dictionary<long, SegmentCounts> _segments = [];
    private readonly JournalReplay _replay = new();
    private readonly JournalClock _clock = new();

    /// <summary>Zeroes for one of which nothing was read.</summary>
    internal SegmentCounts Of(long segment) => _segments.GetValueOrDefault(segment) ?? new SegmentCounts();

    public bool OnRecord(in JournalRecord record)
    {
        _replay.Apply(record);
        SegmentCounts counts = CountsAt(record.Position);
        if (_clock.Take(record))
            counts.TakeTime(_clock.NowNs);
        if (record.GroupPosition != 0)
            return true; // The group has been counted.
        counts.Records++;
        counts.UsedBytes += record.Type == RecordType.Pad ? 0 : record.AlignedLength;
        counts.End = record.Position + record.AlignedLength;
        return true;
    }

    /// <summary>After the last record: counts each message that some queue holds, once.</summary>
    internal unsafe void CountLive()
    {
        var live = new List<(long Position, int Length)>();
        foreach (BrokerQueue queue in _replay.Topology.QueuesById())
        {
            for (long sequence = queue.Entries.Head; sequence < queue.Entries.Next; sequence++)
            {
                QueueEntry* entry = queue.Entries.Find(sequence);
                if (entry != null)
                    live.Add((entry->Position, entry->PayloadLength));
            }
            if (queue.Scheduled == null)
                continue;
            foreach (ref readonly ScheduledMessage message in queue.Scheduled.Items)
                live.Add((message.Position, message.PayloadLength));
        }
        live.Sort();
        for (int i = 0; i < live.Count; i++)
        {
            if (i > 0 && live[i].Position == live[i - 1].Position)
                continue;
            SegmentCounts counts = CountsAt(live[i].Position);
            counts.LiveMessages++;
            counts.LiveBytes += live[i].Length;
        }
    }

    public void Dispose() => _replay.Dispose();

    private SegmentCounts CountsAt(long position)
    {
        long segment = position / segmentSize;
        if (!_segments.TryGetValue(segment, out SegmentCounts? counts))
            _segments.Add(segment, counts = new SegmentCounts());
        return counts;
    }
}

/// <summary>What stands in one segment, or in all.</summary>
internal sealed class SegmentCounts
{
    /// <summary>As <c>verify</c> counts them: pads and markers too, a group as one.</summary>
    internal long Records { get; set; }

    /// <summary>Bytes of all records but the pad at the end.</summary>
    internal long UsedBytes { get; set; }

    /// <summary>Position after the last record; 0 without one.</summary>
    internal long End { get; set; }

    /// <summary>Messages that some queue holds.</summary>
    internal long LiveMessages { get; set; }

    /// <summary>Bytes of their routing keys, headers and bodies.</summary>
    internal long LiveBytes { get; set; }

    /// <summary>Unix time in nanoseconds; 0 where no record tells one.</summary>
    internal long FirstNs { get; private set; }

    /// <inheritdoc cref="FirstNs"/>
    internal long LastNs { get; private set; }

    internal void TakeTime(long ns)
    {
        FirstNs = FirstNs == 0 ? ns : Math.Min(FirstNs, ns);
        LastNs = Math.Max(LastNs, ns);
    }

    internal void Add(SegmentCounts other)
    {
        Records += other.Records;
        UsedBytes += other.UsedBytes;
        LiveMessages += other.LiveMessages;
        LiveBytes += other.LiveBytes;
        if (other.FirstNs == 0)
            return;
        TakeTime(other.FirstNs);
        TakeTime(other.LastNs);
    }
}
