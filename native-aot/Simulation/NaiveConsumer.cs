using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <summary>A subscription: its credit, what it has not settled, what it has seen.</summary>
internal sealed class NaiveConsumer(NaiveSession session, uint handle, NaiveQueue queue, Subscribe opened)
{
    internal NaiveSession Session { get; } = session;

    internal uint Handle { get; } = handle;

    internal NaiveQueue Queue { get; } = queue;

    internal int Priority { get; } = opened.Priority;

    internal SubscribeFlags Flags { get; } = opened.Flags;

    internal uint MaxUnacked { get; } = opened.MaxUnacked;

    internal string ConflationKey { get; } = opened.ConflationKey;

    internal bool IsNoAck => (Flags & SubscribeFlags.NoAck) != 0;

    internal bool IsExclusive => (Flags & SubscribeFlags.Exclusive) != 0;

    internal bool IsBrowsing => (Flags & SubscribeFlags.Browse) != 0;

    internal bool IsConflating => (Flags & SubscribeFlags.Conflate) != 0;

    internal bool IsViewer => IsBrowsing || IsConflating;

    internal bool IsSettling => !IsNoAck && !IsViewer;

    internal bool IsEnded { get; set; }

    /// <summary>Closed but for what is unsettled.</summary>
    internal bool IsKept { get; set; }

    internal ulong NextTag { get; set; } = 1;

    /// <summary>Sequences by tag.</summary>
    internal SortedDictionary<ulong, long> Unsettled { get; } = [];

    internal long CreditMessages { get; private set; }

    internal ulong CreditBytes { get; private set; }

    /// <summary>Deliveries of the batch that is being checked.</summary>
    internal int BatchCount { get; set; }

    /// <summary>The first sequence that it was not shown, or not looked at.</summary>
    internal long NextSeen { get; set; } = 1;

    /// <summary>Of a conflating one: what it is to be shown, in order.</summary>
    internal List<NaiveNews> News { get; } = [];

    /// <summary>Its unanswered get.</summary>
    internal NaivePull? Pull { get; set; }

    internal void AddCredit(uint messages, ulong bytes)
    {
        CreditMessages += messages;
        CreditBytes = bytes > ulong.MaxValue - CreditBytes ? ulong.MaxValue : CreditBytes + bytes;
    }

    internal void Take(int payloadLength)
    {
        if (Pull != null && Pull.CanTake(payloadLength))
        {
            Pull.Count++;
            Pull.Bytes += (ulong)payloadLength;
            return;
        }
        CreditMessages--;
        if (CreditBytes != ulong.MaxValue)
            CreditBytes -= (ulong)payloadLength;
    }

    internal bool CanTake(int payloadLength) =>
        ((Pull != null && Pull.CanTake(payloadLength)) || (CreditMessages > 0 && CreditBytes >= (ulong)payloadLength)) && HasRoomForUnsettled;

    internal bool HasRoomForUnsettled =>
        (MaxUnacked == 0 || Unsettled.Count < MaxUnacked) && (Session.MaxUnacked == 0 || !IsSettling || Session.UnsettledCount < Session.MaxUnacked);
}

/// <summary>A get that is not answered yet (rule C8).</summary>
internal sealed class NaivePull(Get command, long deadlineNs, uint most)
{
    internal uint Request { get; } = command.Request;

    internal long DeadlineNs { get; } = deadlineNs;

    internal uint Most { get; } = most;

    internal uint Count { get; set; }

    internal ulong Bytes { get; set; }

    /// <summary>Batches since it could have been answered.</summary>
    internal int IdleBatches { get; set; }

    /// <summary>The first message comes whatever its size.</summary>
    internal bool CanTake(int payloadLength) => Count < Most && (Count == 0 || Bytes + (ulong)payloadLength <= command.MaxBytes);
}

/// <summary>The newest message of a key that a conflating subscription was not shown (rule C10).</summary>
internal sealed record NaiveNews(string? Key, long First, NaiveEntry Newest, ulong Elided);
