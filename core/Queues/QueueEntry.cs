using System.Runtime.InteropServices;

namespace LowLatency.Core.Queues;

/// <summary>What a queue keeps of a message: 16 bytes, no payload.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8, Size = Length)]
internal struct QueueEntry
{
    internal const int Length = 16;

    private const byte StateMask = 0x07;
    private const byte DeadlineBit = 0x20;
    private const byte TimedBit = 0x40;
    private const byte SharedBit = (byte)EntryMarks.Shared;
    private const byte MaybeDeliveredBit = (byte)EntryMarks.MaybeDelivered;

    /// <summary>Position of the message's record.</summary>
    internal long Position;

    /// <summary>Routing key, headers and body together, in bytes.</summary>
    internal int PayloadLength;

    /// <summary>How often it came back after a delivery. Stops at 65,535.</summary>
    internal ushort DeliveryCount;

    private byte _bits;

    /// <summary>0 where the queue has no priorities.</summary>
    internal byte Priority;

    internal EntryState State
    {
        readonly get => (EntryState)(_bits & StateMask);
        set => _bits = (byte)((_bits & ~StateMask) | (byte)value);
    }

    /// <summary>Not 0: it may have been delivered in a time of which the journal's end was lost.</summary>
    internal byte MaybeDelivered
    {
        readonly get => (byte)(_bits >> 7);
        set => Set(MaybeDeliveredBit, value != 0);
    }

    /// <summary>Its record went to several queues.</summary>
    internal bool IsShared
    {
        readonly get => (_bits & SharedBit) != 0;
        set => Set(SharedBit, value);
    }

    internal readonly MessageHold Hold => new(Position, PayloadLength, IsShared);

    /// <summary>It expires some day.</summary>
    internal bool HasDeadline
    {
        readonly get => (_bits & DeadlineBit) != 0;
        set => Set(DeadlineBit, value);
    }

    /// <summary>Its deadline is in the queue's heap of them.</summary>
    internal bool IsTimed
    {
        readonly get => (_bits & TimedBit) != 0;
        set => Set(TimedBit, value);
    }

    /// <summary>A new message: ready, never delivered.</summary>
    internal void Begin(long position, int payloadLength, byte priority, EntryMarks marks)
    {
        Position = position;
        PayloadLength = payloadLength;
        DeliveryCount = 0;
        Priority = priority;
        _bits = (byte)((byte)EntryState.Ready | (byte)marks);
    }

    private void Set(byte bit, bool value) => _bits = (byte)(value ? _bits | bit : _bits & ~bit);
}

/// <summary>0 must be <see cref="Gone"/>: fresh memory holds no messages.</summary>
internal enum EntryState : byte
{
    Gone = 0,
    Ready = 1,
    Unsettled = 2,

    /// <summary>It came back and waits for its back-off. By the records alone it is as good as ready.</summary>
    Delayed = 3,
}
