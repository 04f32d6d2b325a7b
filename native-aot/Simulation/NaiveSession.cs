using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <summary>A session and what the engine still has to tell it.</summary>
internal sealed class NaiveSession(int id, SimulatedPort port)
{
    internal int Id { get; } = id;

    internal SimulatedPort Port { get; } = port;

    internal bool IsFaulted { get; set; }

    /// <summary>The engine ended it because a reply found no room.</summary>
    internal bool IsOverrun { get; set; }

    /// <summary>Its client closed it; all that can still come is the word that it is closed.</summary>
    internal bool IsClosing { get; set; }

    internal SortedDictionary<uint, NaivePublication> Publications { get; } = [];

    internal SortedDictionary<uint, NaiveConsumer> Consumers { get; } = [];

    /// <summary>Answers that requests must get.</summary>
    internal Dictionary<uint, ExpectedReply> Replies { get; } = [];

    /// <summary>Everything else that it must be told, in order.</summary>
    internal Queue<ExpectedEvent> Events { get; } = [];

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

    /// <summary>The engine may refuse instead: the journal has no room or failed.</summary>
    internal bool MayFail { get; init; }
}

internal readonly record struct ExpectedEvent(EventType Type, uint Handle, ulong Sequence, ErrorCode Code, string Queue, bool IsPublication);

internal sealed class NaiveConsumer(NaiveSession session, uint handle, NaiveQueue queue)
{
    internal NaiveSession Session { get; } = session;

    internal uint Handle { get; } = handle;

    internal NaiveQueue Queue { get; } = queue;

    internal bool IsEnded { get; set; }

    internal ulong NextTag { get; set; } = 1;

    internal SortedDictionary<ulong, NaiveEntry> Unsettled { get; } = [];

    internal long CreditMessages { get; private set; }

    internal ulong CreditBytes { get; set; }

    /// <summary>Deliveries of the batch that is being checked.</summary>
    internal int BatchCount { get; set; }

    internal void AddCredit(uint messages, ulong bytes)
    {
        CreditMessages += messages;
        CreditBytes = bytes > ulong.MaxValue - CreditBytes ? ulong.MaxValue : CreditBytes + bytes;
    }

    internal void Take(int payloadLength)
    {
        CreditMessages--;
        if (CreditBytes != ulong.MaxValue)
            CreditBytes -= (ulong)payloadLength;
    }

    internal bool CanTake(int payloadLength) => CreditMessages > 0 && CreditBytes >= (ulong)payloadLength;
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
}

/// <param name="Sequence">Of the publication.</param>
/// <param name="Level">Highest level that its confirm may name.</param>
/// <param name="End">For level disk: durable up to here is when it may.</param>
/// <param name="LatestEnd">Durable up to here is when it must.</param>
/// <param name="IsResend">Its confirm may name a lower level.</param>
/// <param name="Batch">What came in one batch may be confirmed together.</param>
internal readonly record struct PendingConfirm(ulong Sequence, DurabilityLevel Level, long End, long LatestEnd, bool IsResend, long Batch);
