using System.Runtime.CompilerServices;
using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// Storing what was admitted: one record with its places in all queues, and in one group with it what it pushes out or sends elsewhere.
internal sealed unsafe partial class BrokerEngine
{
    /// <summary>Appends and enqueues a message that was admitted.</summary>
    /// <param name="admission">From <see cref="Admit"/>, with nothing done since.</param>
    /// <param name="end">End of its records in the log.</param>
    /// <returns>Not appended: nothing was done.</returns>
    private AppendStatus TryStore(EnginePublication publication, in PublishCommand command, ref Admission admission, out long end)
    {
        RecordLog log = admission.Level == DurabilityLevel.Memory ? _transientLog : _durableLog!;
        end = 0;
        DepartureMark admitted = _departures.Mark;
        // A transaction's group is as long as it is: what it pushes out goes right after it.
        if (admission.DropsHead && !log.IsInGroup)
        {
            _exchangeInHand = publication.Exchange?.Name ?? [];
            PlanDropped(in admission, log);
        }
        AppendStatus status;
        if (_departures.Count == 0)
        {
            status = TryAppendMessage(log, publication, in command, in admission);
        }
        else
        {
            status = TryStoreWithDepartures(log, publication, in command, ref admission);
            if (status == AppendStatus.TooLarge && _departures.Count > admitted.Count)
            {
                // What it pushes out does not fit into its group: then right after it.
                _departures.ReturnTo(in admitted);
                status = admitted.Count == 0
                    ? TryAppendMessage(log, publication, in command, in admission)
                    : TryStoreWithDepartures(log, publication, in command, ref admission);
            }
        }
        if (status != AppendStatus.Appended)
            return status;
        end = log.Tail;
        PublishedCount++;
        if (admission.DropsHead || _blocking.Count > 0)
            AfterBeyondBounds(publication, in admission);
        return status;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private AppendStatus TryStoreWithDepartures(RecordLog log, EnginePublication publication, in PublishCommand command, ref Admission admission)
    {
        bool isDurable = !log.IsTransient;
        int own = admission.Takers > 0 ? 1 : 0;
        int ownLength = own == 0 ? 0 : RecordLayout.AlignedLength(MessageLayout.Payload(admission.Takers) + admission.PayloadLength);
        AppendStatus status = TryBeginChange(
            _departures.DurableLength + (isDurable ? ownLength : 0),
            _departures.DurableRecords + (isDurable ? own : 0),
            mayUseReserve: false,
            _departures.TransientLength + (isDurable ? 0 : ownLength),
            _departures.TransientRecords + (isDurable ? 0 : own),
            admission.Route);
        if (status != AppendStatus.Appended)
        {
            PutBackDropped();
            return status;
        }
        // The record that tells of the publisher's sequence is one of those in its log.
        if (own > 0)
            status = TryAppendMessage(log, publication, in command, in admission);
        if (status == AppendStatus.Appended)
        {
            MessageInHand inHand = InHand(publication, in command, in admission, isStored: own > 0);
            fixed (byte* key = admission.Key, rest = admission.Rest)
            {
                _keyInHand = key;
                _payloadInHand = rest;
                status = Depart(ref inHand);
            }
        }
        if (status != AppendStatus.Appended)
            PutBackDropped();
        EndChange();
        return status;
    }

    /// <summary>A message that is rejected, and goes to the dead-letter exchanges of the queues that reject it (<c>reject-publish-dlx</c>).</summary>
    private AppendStatus TryDeadLetterRejected(in PublishCommand command, EnginePublication publication, in Admission admission)
    {
        // Those that dead-letter in the place of taking it do not: it is rejected.
        for (int i = 0; i < _departures.Count; i++)
        {
            if (_departures[i].Queue.Options.Overflow != OverflowPolicy.RejectPublishDeadLetter)
                _departures[i].RouteCount = 0;
        }
        AppendStatus status = TryBeginChange(
            _departures.DurableLength, _departures.DurableRecords, mayUseReserve: false, _departures.TransientLength, _departures.TransientRecords);
        if (status != AppendStatus.Appended)
            return status;
        MessageInHand inHand = InHand(publication, in command, in admission, isStored: true);
        fixed (byte* key = admission.Key, rest = admission.Rest)
        {
            _keyInHand = key;
            _payloadInHand = rest;
            status = Depart(ref inHand);
        }
        EndChange();
        return status;
    }

    private byte* _keyInHand;
    private byte* _payloadInHand;

    /// <param name="isStored">Another record tells of the publisher's sequence.</param>
    private static MessageInHand InHand(EnginePublication publication, in PublishCommand command, in Admission admission, bool isStored) => new()
    {
        KeyLength = admission.Key.Length,
        HeadersLength = admission.HeadersLength,
        BodyLength = command.BodyLength,
        PublishedNs = command.PublishedNs,
        ReceivedNs = command.ReceivedNs,
        PublisherId = isStored ? 0 : PublisherIdOf(publication, in command),
        PublisherSequence = isStored ? 0 : command.Sequence,
    };

    /// <summary>0 when it has no name, or in a transaction, whose messages are not recognised.</summary>
    private static uint PublisherIdOf(EnginePublication publication, in PublishCommand command) =>
        publication.Publisher == null || command.Sequence == 0 ? 0 : publication.Publisher.Id;

    private AppendStatus TryAppendMessage(RecordLog log, EnginePublication publication, in PublishCommand command, in Admission admission)
    {
        ReadOnlySpan<BrokerQueue> route = admission.Route;
        int payloadLength = admission.PayloadLength;
        int bodyLength = MessageLayout.Payload(admission.Takers) + payloadLength;
        byte* body = TryClaimFor(log, RecordType.Message, route, bodyLength, out long position, out AppendStatus status);
        if (body == null)
            return status;
        WriteMessage(body, publication, in command, in admission);
        log.Commit();
        AddReferences(log, position, payloadLength, admission.Takers);
        if (admission.IsScheduled)
            HoldScheduled(position, in admission);
        else
            Arrive(position, in command, in admission);
        return AppendStatus.Appended;
    }

    private void Arrive(long position, in PublishCommand command, in Admission admission)
    {
        ReadOnlySpan<BrokerQueue> route = admission.Route;
        EntryMarks marks = SharedMark(admission.Takers);
        for (int i = 0; i < route.Length; i++)
        {
            if (_places[i] == Elsewhere)
                continue;
            BrokerQueue queue = route[i];
            Schedule(queue);
            if (queue.IsPlain && admission.Traits.TtlMs < 0)
            {
                queue.Enqueue(_places[i], position, admission.PayloadLength, 0, marks);
                continue;
            }
            if (queue.Options.LastValueKey != null)
                NoteLastValue(queue, _places[i], admission.Key, admission.Rest[..admission.HeadersLength]);
            byte priority = queue.PriorityOf(admission.Traits.Priority);
            Arrive(queue, _places[i], position, admission.PayloadLength, priority, marks, queue.DeadlineOf(command.ReceivedNs, admission.Traits.TtlMs));
        }
    }

    private void HoldScheduled(long position, in Admission admission)
    {
        ReadOnlySpan<BrokerQueue> route = admission.Route;
        for (int i = 0; i < route.Length; i++)
        {
            if (_places[i] != Elsewhere)
                Hold(route[i], _places[i], position, admission.PayloadLength, SharedMark(admission.Takers), in admission.Traits);
        }
    }

    private void WriteMessage(byte* body, EnginePublication publication, in PublishCommand command, in Admission admission)
    {
        *(ulong*)(body + MessageLayout.PublisherSequence) = command.Sequence;
        *(uint*)(body + MessageLayout.PublisherId) = PublisherIdOf(publication, in command);
        *(ushort*)(body + MessageLayout.RouteCount) = (ushort)admission.Takers;
        *(ushort*)(body + MessageLayout.Flags) = 0;
        *(long*)(body + MessageLayout.PublishedNs) = command.PublishedNs;
        *(long*)(body + MessageLayout.ReceivedNs) = command.ReceivedNs;
        *(uint*)(body + MessageLayout.JournaledDeltaNs) = (uint)Math.Clamp(_nowNs - command.ReceivedNs, 0, uint.MaxValue);
        *(ushort*)(body + MessageLayout.RoutingKeyLength) = (ushort)admission.Key.Length;
        *(ushort*)(body + MessageLayout.HeadersLength) = command.HeadersLength;
        *(int*)(body + MessageLayout.BodyLength) = command.BodyLength;
        *(uint*)(body + MessageLayout.ExchangeId) = publication.Exchange?.Id ?? 0;
        byte* at = body + MessageLayout.Routes;
        uint flags = admission.IsScheduled ? MessageLayout.ScheduledFlag : 0;
        ReadOnlySpan<BrokerQueue> route = admission.Route;
        for (int i = 0; i < route.Length; i++)
        {
            if (_places[i] != Elsewhere)
                at = WriteRoute(at, _places[i], route[i].Id, flags);
        }
        admission.Key.CopyTo(new Span<byte>(at, admission.Key.Length));
        admission.Rest.CopyTo(new Span<byte>(at + admission.Key.Length, admission.Rest.Length));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* WriteRoute(byte* at, long sequence, uint queueId, uint flags)
    {
        *(long*)(at + MessageLayout.RouteQueueSequence) = sequence;
        *(uint*)(at + MessageLayout.RouteQueueId) = queueId;
        *(uint*)(at + MessageLayout.RouteFlags) = flags;
        return at + MessageLayout.RouteLength;
    }
}
