using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using Xunit;
using static LowLatency.Tests.Engine.ColdMessages;

namespace LowLatency.Tests.Engine;

/// <summary>A broker whose queues are longer than the memory for them, over a disk that gives segments back when it is told to. Segments of 1 MiB: four are hot, three more in memory.</summary>
public abstract unsafe class ColdBroker : IDisposable
{
    private protected const int SegmentSize = 1024 * 1024;

    private protected readonly QueueHarness _broker = new(journalMemory: 0);

    /// <summary>Segments that were loaded, in that order.</summary>
    private protected readonly List<long> _loads = [];

    /// <summary>The disk gives nothing back at present.</summary>
    private protected bool _holds;

    /// <summary>Nor this segment.</summary>
    private protected long _heldIndex = -1;

    /// <summary>What a load ends with.</summary>
    private protected int _error;

    /// <summary>Cold segments in memory at a time.</summary>
    private protected int _mostResident;

    /// <summary>Segments that were loaded and not let go of.</summary>
    private protected readonly HashSet<long> _resident = [];

    private protected ColdBroker()
    {
        _broker.Level = DurabilityLevel.Process;
        _broker.Disk.OnLoad = (name, offset) =>
        {
            if (_holds)
                return Errno.Again;
            Assert.True(JournalFiles.IsSegment(name, out long index));
            if (index == _heldIndex)
                return Errno.Again;
            if (offset == 0)
                _loads.Add(index);
            _resident.Add(index);
            _mostResident = Math.Max(_mostResident, _resident.Count(i => i >= Log.OldestIndex && i < Log.FirstHotIndex));
            return _error;
        };
        _broker.Disk.OnRelease = (name, _, _) =>
        {
            if (JournalFiles.IsSegment(name, out long index))
                _resident.Remove(index);
        };
    }

    public void Dispose()
    {
        _broker.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected RecordLog Log => _broker.Engine.Core.Journal!.Log;

    private protected BrokerEngine Core => _broker.Engine.Core.Engine;

    private protected long SegmentOf(string queue, long sequence) => _broker.Queue(queue).Entries.Find(sequence)->Position / SegmentSize;

    private protected IEnumerable<int> Heads() => _broker.Engine.Bodies().Select(Number);
}
