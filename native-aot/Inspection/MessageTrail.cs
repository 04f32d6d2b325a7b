using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Messages;

namespace LowLatency.Server.Inspection;

/// <summary>A message that is followed through the journal: what its record says, where it is, and what happened to it.</summary>
internal sealed class MessageTrail
{
    /// <param name="names">As of that place in the journal.</param>
    internal unsafe MessageTrail(in JournalRecord record, JournalNames names)
    {
        Position = record.Position;
        GroupPosition = record.GroupPosition;
        Epoch = record.Epoch;
        JournaledNs = MessageFields.Time(record.Body);
        fixed (byte* body = record.Body)
        {
            var view = new MessageView(body, record.Body.Length);
            uint publisher = *(uint*)(body + MessageLayout.PublisherId);
            Publisher = publisher == 0 ? "" : names.Publisher(publisher) ?? $"#{publisher}";
            PublisherSequence = *(ulong*)(body + MessageLayout.PublisherSequence);
            Exchange = names.Exchange(view.ExchangeId) ?? $"#{view.ExchangeId}, not in the journal: not durable, or deleted";
            RoutingKey = Core.Routing.NameRules.Text(view.RoutingKey);
            PublishedNs = view.PublishedNs;
            ReceivedNs = view.ReceivedNs;
            HeadersLength = view.HeadersLength;
            BodyLength = view.Body.Length;
            var hash = default(HashCode);
            hash.AddBytes(view.Body);
            BodyHash = hash.ToHashCode();
            if (MessageTraits.TryRead(view.Headers, view.ReceivedNs, out MessageTraits traits, out _))
                DueNs = traits.DeliverAtNs;
            if (ContentHeader.TryRead(view.Headers, out ContentHeader header))
                MessageId = Core.Routing.NameRules.Text(header.MessageId);
        }
        IsMoved = record.Type == RecordType.Moved;
        foreach (MessageRoute route in MessageFields.Routes(record.Body))
        {
            if (!route.IsEndOfDelay)
                Places.Add(new MessagePlace(record.Position, route, names.Queue(route.QueueId)));
            else
                Places[^1].State = PlaceState.Delayed;
        }
    }

    internal long Position { get; }

    internal long GroupPosition { get; }

    /// <summary>The record is not the message's first: that was in a segment that is gone.</summary>
    internal bool IsMoved { get; }

    internal uint Epoch { get; }

    /// <summary>Empty for none.</summary>
    internal string Publisher { get; }

    internal ulong PublisherSequence { get; }

    internal string Exchange { get; }

    internal string RoutingKey { get; }

    /// <summary>Empty for none.</summary>
    internal string MessageId { get; } = "";

    internal long PublishedNs { get; }

    internal long ReceivedNs { get; }

    internal long JournaledNs { get; }

    internal long DueNs { get; }

    internal int HeadersLength { get; }

    internal int BodyLength { get; }

    internal int BodyHash { get; }

    /// <summary>Position of the message of which this is the dead letter; 0 for none.</summary>
    internal long DeadLetterOf { get; set; }

    /// <summary>One for each queue that it was put into.</summary>
    internal List<MessagePlace> Places { get; } = [];

    internal List<TrailEvent> Events { get; } = [];

    /// <summary>Whether it can be the copy of a message that was dropped in the same group.</summary>
    internal bool IsDeadLetterOf(MessageTrail dropped, long droppedNs) =>
        this != dropped && DeadLetterOf == 0 && PublishedNs == dropped.PublishedNs && ReceivedNs == droppedNs && BodyLength == dropped.BodyLength && BodyHash == dropped.BodyHash;
}

/// <summary>A message in one of its queues.</summary>
/// <param name="queue"><c>null</c>: the journal does not know the queue.</param>
internal sealed class MessagePlace(long position, MessageRoute route, string? queue)
{
    /// <summary>Of the record that the queue has it by.</summary>
    internal long Position { get; set; } = position;

    internal uint QueueId { get; } = route.QueueId;

    internal string Queue { get; } = queue ?? $"#{route.QueueId}";

    /// <summary>Schedule number while <see cref="State"/> is scheduled, the queue's sequence else.</summary>
    internal long Number { get; set; } = route.Place;

    internal PlaceState State { get; set; } = queue == null ? PlaceState.NotFollowed : route.IsScheduled ? PlaceState.Scheduled : route.IsUnsettled ? PlaceState.Unsettled : PlaceState.Ready;

    internal bool MaybeDelivered { get; set; } = route.IsMaybeDelivered;

    /// <summary>What was the last that happened to it.</summary>
    internal string Last { get; set; } = "";
}

internal enum PlaceState
{
    Scheduled,
    Ready,
    Unsettled,
    Delayed,
    Gone,

    /// <summary>A queue that is not in the journal: not durable.</summary>
    NotFollowed,
}

/// <summary>Something that happened to a message.</summary>
/// <param name="Position">Of the record that tells of it.</param>
/// <param name="Queue">Where.</param>
/// <param name="What">In words.</param>
internal sealed record TrailEvent(long Position, string Queue, string What)
{
    /// <summary>The record tells its time: <see cref="NotBeforeNs"/> is it.</summary>
    internal bool IsTimed { get; init; }

    /// <summary>Unix time in nanoseconds of the record before it that tells one; 0 for none.</summary>
    internal long NotBeforeNs { get; init; }

    /// <summary>The same of the record after it.</summary>
    internal long NotAfterNs { get; set; }
}
