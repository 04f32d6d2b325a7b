using System.Runtime.InteropServices;
using LowLatency.Core.Engine;

namespace LowLatency.Transport.Server;

/// <summary>A delivery that waits for its connection's socket, by reference, or the Done that comes behind deliveries.</summary>
[StructLayout(LayoutKind.Explicit)]
internal struct WaitingEvent
{
    /// <summary><see cref="EventType.Deliver"/>, <see cref="EventType.DeliverConflated"/> or <see cref="EventType.Done"/>.</summary>
    [FieldOffset(0)] internal EventType Type;

    /// <summary>Of a delivery; without its two last fields where it is not conflated.</summary>
    [FieldOffset(8)] internal DeliverConflatedEvent Conflated;

    [FieldOffset(8)] internal DoneEvent Done;

    internal readonly bool IsDelivery => Type != EventType.Done;
}
