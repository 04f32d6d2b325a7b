using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <summary>A session and what the engine still has to tell it.</summary>
internal sealed class NaiveSession(OpenSession opened, NaiveVirtualHost host)
{
    internal int Id { get; } = opened.Session;

    internal SimulatedPort Port { get; } = opened.Port;

    internal NaiveVirtualHost Host { get; } = host;

    /// <summary>Counts against its virtual host's limit.</summary>
    internal bool IsCounted { get; set; }

    internal bool IsFaulted { get; set; }

    /// <summary>The engine ended it because a reply found no room.</summary>
    internal bool IsOverrun { get; set; }

    /// <summary>Its client closed it; all that can still come is the word that it is closed.</summary>
    internal bool IsClosing { get; set; }

    /// <summary>Most unsettled messages of all its subscriptions; 0 for no limit.</summary>
    internal uint MaxUnacked { get; set; }

    internal SortedDictionary<uint, NaivePublication> Publications { get; } = [];

    internal SortedDictionary<uint, NaiveConsumer> Consumers { get; } = [];

    /// <summary>Operations that wait for a commit.</summary>
    internal NaiveTransaction Transaction { get; } = new();

    /// <summary>Answers that requests must get.</summary>
    internal Dictionary<uint, ExpectedReply> Replies { get; } = [];

    /// <summary>Everything else that it must be told, in order.</summary>
    internal Queue<ExpectedEvent> Events { get; } = [];

    internal int UnsettledCount => Consumers.Values.Sum(consumer => consumer.Unsettled.Count);

    internal static uint NextHandle<T>(SortedDictionary<uint, T> items)
    {
        uint handle = 1;
        while (items.ContainsKey(handle))
            handle++;
        return handle;
    }
}

/// <param name="Type">Type of the event.</param>
/// <param name="Code">For <see cref="EventType.Failed"/>.</param>
/// <param name="NotBefore">The journal must be durable up to here first.</param>
/// <param name="NotAfter">When the journal is durable up to here it must have come.</param>
internal sealed record ExpectedReply(EventType Type, ErrorCode Code, long NotBefore, long NotAfter)
{
    internal uint Handle { get; init; }

    internal ulong LastSequence { get; init; }

    internal uint Window { get; init; }

    /// <summary>What a <see cref="DoneEvent"/> counts; null where it is not compared.</summary>
    internal ulong? Count { get; init; }

    /// <summary>For a get: the subscription that asked.</summary>
    internal NaiveConsumer? Pull { get; init; }

    /// <summary>The engine may refuse instead: the journal has no room or failed.</summary>
    internal bool MayFail { get; init; }

    /// <summary>Another code that is right too: two things are wrong.</summary>
    internal ErrorCode OtherCode { get; init; }
}

internal readonly record struct ExpectedEvent(EventType Type, uint Handle, ulong Sequence, ErrorCode Code, bool IsPublication)
{
    /// <summary>Of a reject for want of room: one of these queues.</summary>
    internal string[]? Queues { get; init; }

    /// <summary>Of a reject: it may be because one of these would send the message round.</summary>
    internal string[]? Cycles { get; init; }

    /// <summary>Tells that confirms are held back, or no more.</summary>
    internal bool IsOfBlock => Type is EventType.PublicationBlocked or EventType.PublicationUnblocked;

    internal bool IsMetBy(in ExpectedEvent found) =>
        Type == found.Type && Handle == found.Handle && Sequence == found.Sequence && IsPublication == found.IsPublication
        && ((Code == found.Code && (Queues == null || Queues.Contains(found.Queues?[0]))) || (found.Code == ErrorCode.DeadLetterCycle && Cycles != null && Cycles.Contains(found.Queues?[0])));

    public override string ToString() => $"{Type} {Handle} {Sequence} {Code} {(IsPublication ? "publication" : "")} {string.Join('|', Queues ?? [])}";
}

internal sealed class NaivePublication(NaiveSession session, uint handle, NaivePublisher? publisher, NaiveExchange? exchange, OpenPublication opened, uint window)
{
    internal NaiveSession Session { get; } = session;

    internal uint Handle { get; } = handle;

    internal NaivePublisher? Publisher { get; } = publisher;

    internal NaiveExchange? Exchange { get; } = exchange;

    internal string Key { get; } = opened.Key;

    internal DurabilityLevel Level { get; } = opened.Level;

    internal bool IsMandatory { get; } = opened.Mandatory;

    internal uint Window { get; } = window;

    internal bool IsEnded { get; set; }

    internal ulong LastReceived { get; set; }

    internal ulong LastConfirmed { get; set; }

    internal Queue<PendingConfirm> Pending { get; } = [];

    /// <summary>How many queues hold its confirms back.</summary>
    internal int Blocks { get; set; }

    /// <summary>Confirms from this sequence on are held back.</summary>
    internal ulong BlockedFrom { get; set; } = ulong.MaxValue;

    /// <summary>Why: it was told of the first.</summary>
    internal List<NaiveQueue> BlockReasons { get; } = [];

    /// <summary>Since when, Unix time in nanoseconds.</summary>
    internal long BlockedSinceNs { get; set; }

    /// <summary>The batch in which it was let go of when confirms had gone out; 0: none.</summary>
    internal long LetGoLateIn { get; set; }
}

/// <param name="Sequence">Of the publication.</param>
/// <param name="Level">Highest level that its confirm may name.</param>
/// <param name="End">For level disk: durable up to here is when it may.</param>
/// <param name="LatestEnd">Durable up to here is when it must.</param>
/// <param name="IsResend">Its confirm may name a lower level.</param>
/// <param name="Batch">What came in one batch may be confirmed together.</param>
internal readonly record struct PendingConfirm(ulong Sequence, DurabilityLevel Level, long End, long LatestEnd, bool IsResend, long Batch);
