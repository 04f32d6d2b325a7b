using System.Runtime.InteropServices;
using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Recovery: the journal's records through the methods that ran when they were written.
internal sealed unsafe partial class BrokerEngine
{
    private bool _isInSnapshot;
    private bool _skipsSnapshot = true;
    private bool _hasBase;

    /// <summary>Messages that a replay brought back, the settled ones included.</summary>
    internal long ReplayedMessages { get; private set; }

    /// <summary>Applies one record of the journal. Only before the first command.</summary>
    /// <remarks>The snapshot at the start of the first segment is the base; those of later segments say what is known already.</remarks>
    internal void Replay(RecordType type, uint streamId, long position, ReadOnlySpan<byte> body)
    {
        _isReplaying = true;
        var reader = new ControlRecordReader(body);
        switch (type)
        {
            case RecordType.SnapshotBegin:
                _isInSnapshot = body.Length <= SnapshotFormat.WithoutFormat;
                _skipsSnapshot = _hasBase;
                _hasBase |= !_isInSnapshot;
                if (!_skipsSnapshot)
                {
                    _nextHostId = reader.U32();
                    _nextQueueId = reader.U32();
                    _nextExchangeId = reader.U32();
                    _nextPublisherId = reader.U32();
                }
                return;
            case RecordType.SnapshotEnd:
                _isInSnapshot = false;
                _hasBase = true;
                return;
            case RecordType.SnapshotAbort:
                _isInSnapshot = false;
                return;
            case RecordType.Restart:
                _isInSnapshot = false; // A power cut may have cut it off.
                break;
        }
        if (_skipsSnapshot && (_isInSnapshot || streamId == SnapshotStream))
            return;
        _hasBase |= !_isInSnapshot && type is not (RecordType.Pad or RecordType.Marker);

        switch (type)
        {
            case RecordType.Message:
                ReplayMessage(position, body);
                break;
            case RecordType.Moved:
                ReplayMoved(position, body);
                break;
            case RecordType.Ack:
                if (_topology.TryGetQueue(streamId, out BrokerQueue? acked))
                    ApplyAck(acked, Ranges(body));
                break;
            case RecordType.Requeue:
                if (_topology.TryGetQueue(streamId, out BrokerQueue? requeued))
                    ApplyReturn(requeued, Ranges(body));
                break;
            case RecordType.Delivered:
                ReplayDelivered(body);
                break;
            case RecordType.Defer:
                if (_topology.TryGetQueue(streamId, out BrokerQueue? deferred))
                    ApplyDefer(deferred, Ranges(body[DropLayout.DeferRanges..]), reader.I64());
                break;
            case RecordType.Drop:
                if (_topology.TryGetQueue(streamId, out BrokerQueue? dropped))
                    ReplayDrop(dropped, body);
                break;
            case RecordType.Due:
                if (_topology.TryGetQueue(streamId, out BrokerQueue? due))
                    ReplayDue(due, body);
                break;
            case RecordType.DefineQueue:
                ReplayQueue(ref reader);
                break;
            case RecordType.DeleteQueue:
                if (_topology.TryGetQueue(reader.U32(), out BrokerQueue? deleted))
                    ApplyDeleteQueue(deleted);
                break;
            case RecordType.DefineExchange:
                ReplayExchange(ref reader);
                break;
            case RecordType.DeleteExchange:
                if (_topology.TryGetExchange(reader.U32(), out Exchange? exchange))
                    _topology.Remove(exchange);
                break;
            case RecordType.DefineVirtualHost:
                ReplayHost(ref reader);
                break;
            case RecordType.DeleteVirtualHost:
                if (_topology.TryGetHost(reader.U32(), out VirtualHost? host))
                    ApplyDeleteHost(host);
                break;
            case RecordType.Bind:
            case RecordType.Unbind:
                ReplayBinding(type == RecordType.Bind, streamId == SnapshotStream, ref reader);
                break;
            case RecordType.DefinePublisher:
                uint publisherId = reader.U32();
                ApplyForgetPublisher(publisherId); // Begun twice, where a record of it had no room.
                ApplyDefinePublisher(publisherId, reader.String().ToArray());
                break;
            case RecordType.ForgetPublisher:
                ApplyForgetPublisher(reader.U32());
                break;
            case RecordType.SnapshotQueue:
                if (_topology.TryGetQueue(reader.U32(), out BrokerQueue? queue))
                {
                    queue.ResetTo(reader.I64());
                    queue.ResetScheduleNumber(reader.I64());
                }
                break;
            case RecordType.SnapshotPublisher:
                ReplayPublisher(ref reader);
                break;
            case RecordType.Restart:
                ApplyRestart(reader.U32() != 0);
                break;
        }
    }

    /// <summary>The end of a recovery: writes and applies that all sessions of the previous run are gone.</summary>
    /// <param name="endWasLost">The previous run did not end cleanly and its last writes may be lost (power): what looks undelivered may have been.</param>
    private void Restart(bool endWasLost)
    {
        var record = new ControlRecord();
        record.U32(endWasLost ? 1u : 0u);
        // Without it the next recovery would mix up the deliveries of two runs.
        if (!TryAppend(RecordType.Restart, 0, record, out _, null, 0, out _))
            throw new JournalException(JournalError.DiskFull, $"There is no room in the journal for the first record of this run. {_durableLog!.FailureText}");
        ApplyRestart(endWasLost);
    }

    private void ApplyRestart(bool endWasLost)
    {
        foreach (BrokerQueue queue in _topology.QueuesById())
            queue.Restart(endWasLost);
    }

    private void ReplayQueue(ref ControlRecordReader reader)
    {
        uint id = reader.U32();
        if (_topology.TryGetQueue(id, out _))
            return; // Told twice, where a record of it had no room.
        uint hostId = reader.U32();
        long maxLength = reader.I64();
        var flags = (QueueFlags)reader.U32();
        byte[] name = reader.String().ToArray();
        string? problem = QueueArguments.Parse(flags, reader.Table(), maxLength, out QueueOptions? options);
        if (options == null || !_topology.TryGetHost(hostId, out VirtualHost? host))
            throw UnknownDefinition("queue", name, problem);
        ApplyDefineQueue(id, host, name, options);
    }

    private void ReplayExchange(ref ControlRecordReader reader)
    {
        uint id = reader.U32();
        uint hostId = reader.U32();
        var flags = (ExchangeFlags)reader.U32();
        var kind = (ExchangeKind)reader.U8();
        byte[] name = reader.String().ToArray();
        string? problem = ExchangeArguments.Parse(kind, flags, reader.Table(), out ExchangeOptions? options);
        if (options == null || kind is < ExchangeKind.Direct or > ExchangeKind.ConsistentHash || !_topology.TryGetHost(hostId, out VirtualHost? host))
            throw UnknownDefinition("exchange", name, problem);
        ApplyDefineExchange(id, host, name, options);
    }

    private void ReplayPublisher(ref ControlRecordReader reader)
    {
        if (!_publishersById.TryGetValue(reader.U32(), out Publisher? publisher))
            return;
        uint holes = reader.U32();
        publisher.Restore(reader.U64(), reader.I64());
        for (uint i = 0; i < holes; i++)
        {
            ulong first = reader.U64();
            publisher.RestoreHole(first, reader.U64());
        }
    }

    private static ReadOnlySpan<SequenceRange> Ranges(ReadOnlySpan<byte> body) => MemoryMarshal.Cast<byte, SequenceRange>(body);
}
