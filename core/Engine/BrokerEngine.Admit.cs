using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// Whether a message is taken: by its headers and by the bounds of all its queues. Decides and plans; changes nothing.
internal sealed unsafe partial class BrokerEngine
{
    /// <summary>Place in each queue of the message being published: its sequence there, or <see cref="Elsewhere"/>.</summary>
    private long[] _places = new long[16];

    // What it replaces at the end of each queue of the route, because the other log has that; 0: nothing.
    private long[] _outdated = new long[16];
    private bool _hasOutdated;

    /// <summary>Those that take the message being published beyond their bounds, and hold its confirm back.</summary>
    private readonly List<BrokerQueue> _blocking = [];

    /// <summary>A transaction that was checked is being carried out: what it has moved itself takes no room.</summary>
    private bool _takesAll;

    /// <summary>The queue has no room and sends the message to its dead-letter exchange instead.</summary>
    private const long Elsewhere = -1;

    /// <summary>Decides about a message for its whole route: it goes into all its queues or none.</summary>
    /// <param name="payload">Key (when the command says so), headers, body.</param>
    /// <param name="route">Not empty. Valid until the message is stored.</param>
    /// <remarks>Leaves plans behind that <see cref="TryStore"/> carries out: the next message is admitted after that. A transaction admits all
    /// its messages first, with <see cref="BrokerQueue.Reserve"/> for each, gives that back, and admits each again before it stores it.</remarks>
    private void Admit(
        EnginePublication publication, in PublishCommand command, ReadOnlySpan<byte> payload, ReadOnlySpan<BrokerQueue> route, out Admission admission)
    {
        // In the caller's place: it is too large to be handed back for every message.
        admission = default;
        admission.Route = route;
        admission.Key = command.RoutingKeyLength == 0 ? publication.RoutingKey : payload[..command.RoutingKeyLength];
        admission.Rest = payload[command.RoutingKeyLength..];
        admission.HeadersLength = command.HeadersLength;
        admission.Traits = MessageTraits.None;
        if (_departures.Count > 0)
            _departures.Clear();
        _hasOutdated = false;
        if (_blocking.Count > 0)
            _blocking.Clear();
        if (command.HeadersLength > 0)
        {
            if (!MessageTraits.TryRead(admission.Rest[..command.HeadersLength], command.ReceivedNs, out admission.Traits, out admission.Problem))
            {
                admission.Code = admission.Problem.Code();
                return;
            }
            admission.IsScheduled = admission.Traits.DeliverAtNs > _nowNs;
        }
        if (_places.Length < route.Length)
        {
            Array.Resize(ref _places, Math.Max(route.Length, _places.Length * 2));
            Array.Resize(ref _outdated, _places.Length);
        }

        // A message for transient queues alone is not worth the disk; the confirm names what it got.
        bool anyDurable = false;
        foreach (BrokerQueue queue in route)
            anyDurable |= queue.Durable;
        DurabilityLevel level = LevelOf(publication, in command);
        admission.Level = anyDurable ? level : DurabilityLevel.Memory;
        int payloadLength = admission.PayloadLength;
        for (int i = 0; i < route.Length; i++)
        {
            BrokerQueue queue = route[i];
            bool hasRoom = queue.HasRoomFor(payloadLength) || (_takesAll && queue.Options.Overflow != OverflowPolicy.DropHead);
            _places[i] = queue.Entries.Next;
            _outdated[i] = 0;
            if (admission.IsScheduled)
                _places[i] = queue.NextScheduleNumber;
            else if (queue.Options.LastValueKey != null)
                hasRoom |= PlanLastValue(queue, i, ref admission);
            if (hasRoom || TryAdmitBeyondBounds(queue, i, publication, in command, level, ref admission))
                admission.Takers++;
            else if (admission.Code != ErrorCode.None && !admission.DeadLettersRejected)
                return;
        }
        if (admission.Takers < route.Length && admission.Level != DurabilityLevel.Memory && !IsKept(in admission))
            admission.Level = DurabilityLevel.Memory;
        if (_hasOutdated && admission.Code == ErrorCode.None)
            PlanOutdated(route);
        CountLengths(ref admission);
    }

    /// <summary>Where some queues send the message elsewhere: whether it comes to one that outlives the broker.</summary>
    private bool IsKept(in Admission admission)
    {
        bool isKept = false;
        for (int i = 0; i < admission.Route.Length; i++)
            isKept |= _places[i] != Elsewhere && admission.Route[i].Durable;
        for (int i = 0; i < _departures.Count; i++)
            isKept |= _departures[i].IsCopyDurable;
        return isKept;
    }

    /// <returns>Whether the queue takes it all the same. If not it goes elsewhere, or is rejected.</returns>
    private bool TryAdmitBeyondBounds(
        BrokerQueue queue, int index, EnginePublication publication, in PublishCommand command, DurabilityLevel level, ref Admission admission)
    {
        switch (queue.Options.Overflow)
        {
            case OverflowPolicy.DropHead:
                admission.DropsHead = true;
                return true;
            case OverflowPolicy.Block when queue.Count + queue.ReservedCount - queue.Options.MaxLength < _limits.MaxWindow && queue.TakenBeyond < _limits.MaxWindow:
                _blocking.Add(queue);
                return true;
            case OverflowPolicy.DeadLetter or OverflowPolicy.RejectPublishDeadLetter when TryPlanElsewhere(queue, publication, in command, level, ref admission):
                _places[index] = Elsewhere;
                if (queue.Options.Overflow == OverflowPolicy.DeadLetter)
                    return false;
                admission.DeadLettersRejected = true;
                break;
            case OverflowPolicy.DeadLetter when admission.Code == ErrorCode.DeadLetterCycle:
                admission.Full = queue;
                admission.DeadLettersRejected = false;
                return false;
        }
        // Where one queue of the route rejects it outright nothing of it goes anywhere.
        if (queue.Options.Overflow != OverflowPolicy.RejectPublishDeadLetter || _places[index] != Elsewhere)
            admission.DeadLettersRejected = false;
        admission.Code = ErrorCode.QueueFull;
        admission.Full = queue;
        return false;
    }

    /// <summary>Plans that a message goes to a queue's dead-letter exchange instead of the queue.</summary>
    /// <returns>False when that leads to no queue.</returns>
    private bool TryPlanElsewhere(
        BrokerQueue queue, EnginePublication publication, in PublishCommand command, DurabilityLevel level, ref Admission admission)
    {
        if (queue.Options.DeadLetterExchange == null)
            return false;
        ref Departure departure = ref _departures.Add(queue, 0, DepartureList.InHand, DropReason.MaxLength);
        bool isCut = PlanDeadLetter(
            ref departure,
            publication.Exchange == null ? default : publication.Exchange.Name,
            admission.Key,
            admission.Rest[..admission.HeadersLength],
            command.BodyLength,
            durableMove: level != DurabilityLevel.Memory);
        if (departure.RouteCount > 0)
        {
            if (departure.IsCopyDurable)
                admission.Level = level;
            return true;
        }
        if (isCut && queue.Options.Overflow == OverflowPolicy.DeadLetter)
            admission.Code = ErrorCode.DeadLetterCycle;
        return false;
    }

    /// <summary>Most bytes that the message takes in the logs, with what goes elsewhere.</summary>
    private void CountLengths(ref Admission admission)
    {
        int length = admission.Takers == 0 ? 0 : RecordLayout.AlignedLength(MessageLayout.Payload(admission.Takers) + admission.PayloadLength);
        bool isDurable = admission.Level != DurabilityLevel.Memory;
        admission.DurableLength = _departures.DurableLength + (isDurable ? length : 0);
        admission.TransientLength = _departures.TransientLength + (isDurable ? 0 : length);
    }

    private static DurabilityLevel LevelOf(EnginePublication publication, in PublishCommand command)
    {
        int level = (command.Flags & (int)PublishFlags.LevelMask) >> 4;
        return level == 0 || level > (int)publication.Level ? publication.Level : (DurabilityLevel)level;
    }

    /// <summary>Why a message is rejected, for its publisher.</summary>
    private string RejectSentence(in Admission admission) => admission.Code switch
    {
        ErrorCode.QueueFull => FullSentence(admission.Full!),
        ErrorCode.DeadLetterCycle =>
            $"Queue '{admission.Full!.DisplayName}' is full, and its dead-letter exchange leads only to queues that the message has been through: consume some, or bind another queue there.",
        _ => admission.Problem.Sentence(),
    };

    private string FullSentence(BrokerQueue queue) => $"{BoundSentence(queue)}; consume some, or declare it with a larger limit.";

    private string BoundSentence(BrokerQueue queue)
    {
        string bound = queue.Count >= queue.Options.MaxLength
            ? $"holds {queue.Count} messages, its limit is {queue.Options.MaxLength}"
            : $"holds {queue.Bytes} bytes, its limit is {queue.Options.MaxBytes}";
        return $"Queue '{queue.DisplayName}' {bound}: {queue.Consumers.DescribeSlowest(_nowNs)}";
    }
}
