namespace LowLatency.Core.Queues;

/// <summary>A subscription's request for messages: what it may still be given, and until when it waits. Engine thread only.</summary>
/// <remarks>Its credit is its own: it ends with the request. The first message comes whatever its size.</remarks>
internal sealed class ConsumerPull
{
    private uint _room;
    private ulong _roomBytes;

    /// <summary>A request is being answered.</summary>
    internal bool IsActive { get; private set; }

    internal uint Request { get; private set; }

    /// <summary>Unix time in nanoseconds at which it is answered though nothing came.</summary>
    internal long DeadlineNs { get; private set; }

    /// <summary>Messages it was given.</summary>
    internal uint Count { get; private set; }

    /// <summary><see cref="Count"/> when it was last looked at.</summary>
    internal uint CountSeen { get; set; }

    /// <summary>A message did not fit into its bytes, or it has all that it asked for.</summary>
    internal bool IsFull { get; private set; }

    /// <summary>In the engine's list of those that this batch looks at.</summary>
    internal bool IsListed { get; set; }

    /// <summary>Place in the engine's heap of deadlines; -1 when it is not there.</summary>
    internal int HeapIndex { get; set; } = -1;

    internal void Begin(uint request, uint maxMessages, ulong maxBytes, long deadlineNs)
    {
        IsActive = true;
        Request = request;
        DeadlineNs = deadlineNs;
        Count = 0;
        CountSeen = 0;
        IsFull = false;
        _room = maxMessages;
        _roomBytes = maxBytes;
    }

    internal void End()
    {
        IsActive = false;
        _room = 0;
    }

    internal bool CanTake(int payloadLength)
    {
        if (!IsActive || _room == 0)
            return false;
        if (Count == 0 || _roomBytes >= (ulong)payloadLength)
            return true;
        IsFull = true;
        return false;
    }

    internal void Take(int payloadLength)
    {
        Count++;
        _roomBytes -= Math.Min(_roomBytes, (ulong)payloadLength);
        if (--_room == 0)
            IsFull = true;
    }
}
