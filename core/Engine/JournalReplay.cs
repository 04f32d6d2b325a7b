using LowLatency.Core.Journal;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

/// <summary>What a journal's records make of queues and messages, by the engine's own replay, without a broker. For tools that only look.</summary>
internal sealed class JournalReplay : IDisposable
{
    private readonly ReaderRegistry _readers = new();
    private readonly TransientLog _transient;
    private readonly BrokerEngine _engine;

    internal JournalReplay()
    {
        _transient = new TransientLog(2L * SegmentLayout.MinSize, _readers, SegmentLayout.MinSize);
        _engine = new BrokerEngine(_transient.Log, new EgressPorts(), new BrokerLimits());
    }

    /// <summary>As the records applied so far left it.</summary>
    internal Topology Topology => _engine.Topology;

    /// <summary>Applies the next record; what is not the engine's is passed over.</summary>
    internal void Apply(in JournalRecord record)
    {
        if (record.Type is not (RecordType.Pad or RecordType.Marker or RecordType.Group))
            _engine.Replay(record.Type, record.StreamId, record.Position, record.Body);
    }

    public void Dispose()
    {
        _engine.Dispose();
        _transient.Dispose();
    }
}
