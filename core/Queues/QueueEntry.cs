using System.Runtime.InteropServices;

namespace LowLatency.Core.Queues;

/// <summary>What a queue keeps of a message: 16 bytes, no payload.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8, Size = Length)]
internal struct QueueEntry
{
    internal const int Length = 16;

    /// <summary>Position of the message's record.</summary>
    internal long Position;

    /// <summary>Routing key, headers and body together, in bytes.</summary>
    internal int PayloadLength;

    /// <summary>How often it came back after a delivery. Stops at 65,535.</summary>
    internal ushort DeliveryCount;

    internal EntryState State;

    /// <summary>Not 0: it may have been delivered in a time of which the journal's end was lost.</summary>
    internal byte MaybeDelivered;
}

/// <summary>0 must be <see cref="Gone"/>: fresh memory holds no messages.</summary>
internal enum EntryState : byte
{
    Gone = 0,
    Ready = 1,
    Unsettled = 2,
}
