using LowLatency.Core.Engine;

namespace LowLatency.Core.Queues;

/// <content>Its bounds, and the publications that wait for them. Rules L1 to L6.</content>
internal sealed partial class BrokerQueue
{
    /// <summary>Room for so many messages and bytes is promised to a transaction that is being decided.</summary>
    internal long ReservedCount { get; private set; }

    internal long ReservedBytes { get; private set; }

    /// <summary>Messages that were taken beyond the bound since the queue was within it last.</summary>
    internal long TakenBeyond { get; set; }

    /// <summary>Publications that were rejected because this queue is full; told when it has room again.</summary>
    internal List<EnginePublication> Waiting => _waiting ??= [];

    internal bool HasWaiting => _waiting is { Count: > 0 };

    /// <summary>Publications whose confirms wait until this queue is within its bounds.</summary>
    internal List<EnginePublication> Blocked => _blocked ??= [];

    internal bool HasBlocked => _blocked is { Count: > 0 };

    /// <summary>Publications that count this queue among what holds them back, until it <see cref="EndsBlock"/>.</summary>
    internal List<EnginePublication> Told => _told ??= [];

    internal bool HasTold => _told is { Count: > 0 };

    /// <summary>Since when there are any, Unix time in nanoseconds.</summary>
    internal long BlocksSinceNs { get; set; }

    /// <summary>Publications are told that they are held back no more: with some room, or a queue that stays at its bound would tell of every message.</summary>
    internal bool EndsBlock => HasRoomAgain || Count == 0;

    private List<EnginePublication>? _waiting;
    private List<EnginePublication>? _blocked;
    private List<EnginePublication>? _told;

    /// <summary>Room for one more message.</summary>
    internal bool HasRoomFor(int payloadLength)
    {
        long count = Count + ReservedCount;
        if (count >= Options.MaxLength)
            return false;
        // A message larger than the bound fits into an empty queue.
        return count == 0 || payloadLength <= Options.MaxBytes - Bytes - ReservedBytes;
    }

    /// <summary>Holds no more than its bounds allow; one message may be larger than they are.</summary>
    internal bool IsWithinBounds => Count <= Options.MaxLength && (Bytes <= Options.MaxBytes || Count <= 1);

    /// <summary>Room enough to wake those that wait: an eighth of the bound, so that they do not bounce on it.</summary>
    internal bool HasRoomAgain =>
        Count <= Options.MaxLength - Math.Max(1, Options.MaxLength / 8) && (Bytes <= Options.MaxBytes - Options.MaxBytes / 8 || Count == 0);

    /// <summary>Counts messages as held, or as gone, while a transaction is checked; taken back by the opposite.</summary>
    /// <param name="count">Negative for those that go.</param>
    internal void Reserve(int payloadLength, int count)
    {
        ReservedCount += count;
        ReservedBytes += (long)payloadLength * count;
    }
}
