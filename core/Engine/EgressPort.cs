using System.Runtime.CompilerServices;
using LowLatency.Core.Agents;
using LowLatency.Core.Rings;

namespace LowLatency.Core.Engine;

/// <summary>Where events leave the engine: the egress ring of one transport agent or in-process client.</summary>
/// <remarks>The engine is the ring's producer, the owner's thread its consumer. Half of the ring is kept for replies and
/// confirms; deliveries wait in their queues when the other half is full.</remarks>
internal sealed class EgressPort : IDisposable
{
    /// <summary>What one delivery takes of the ring: the event and its ring header.</summary>
    private static readonly int DeliveryBytes = RecordLayout.RecordLength(Unsafe.SizeOf<DeliverEvent>());

    private int _deliveryBudget;
    private int _overrun;
    private int _isBlocked;

    /// <param name="capacity">Bytes of the ring, a power of two.</param>
    /// <param name="wake">Wakes the owner after events were committed; null when the owner never parks.</param>
    /// <param name="alwaysDrained">The owner moves events out whatever its clients do (a transport agent). Otherwise a reply
    /// that finds the ring full ends the session.</param>
    internal EgressPort(int capacity, WakeSignal? wake, bool alwaysDrained)
    {
        Ring = new SpscByteRing(capacity);
        Wake = wake;
        AlwaysDrained = alwaysDrained;
    }

    internal SpscByteRing Ring { get; }

    internal WakeSignal? Wake { get; }

    internal bool AlwaysDrained { get; }

    internal int Index { get; set; } = -1;

    /// <summary>Engine thread: sessions that are open on it.</summary>
    internal int SessionCount { get; set; }

    /// <summary>Engine thread: messages that stay in their log until their event is taken.</summary>
    internal PassingMessages Passing { get; } = new();

    /// <summary>Set by the engine when a reply was lost because the owner does not poll: its sessions are ended. Any thread.</summary>
    internal bool IsOverrun => Volatile.Read(ref _overrun) != 0;

    /// <summary>Engine thread: has staged events that are not committed yet.</summary>
    internal bool IsTouched { get; set; }

    /// <summary>Engine thread: one more delivery fits beside what is kept for replies.</summary>
    internal bool CanDeliver => _deliveryBudget >= DeliveryBytes || RefreshBudget();

    /// <summary>Engine thread: room for a batch of replies.</summary>
    internal bool HasReplyRoom => Ring.FreeBytes() >= Ring.Capacity / 8 * 3;

    internal void CountDelivery() => _deliveryBudget -= DeliveryBytes;

    /// <summary>Engine thread: lets the owner see what was staged.</summary>
    internal void Commit()
    {
        IsTouched = false;
        _deliveryBudget = 0; // Replies of the next batch will have taken their part of it.
        Ring.Commit();
        Wake?.Wake();
    }

    /// <summary>Owner, after it took deliveries out: whether the engine waits for that room, and has to be woken.</summary>
    internal bool TakeBlocked()
    {
        // Full fence: what was taken out must be seen before the flag is read; pairs with the one of the engine's wake signal.
        Interlocked.MemoryBarrier();
        return Volatile.Read(ref _isBlocked) != 0 && Interlocked.Exchange(ref _isBlocked, 0) != 0;
    }

    internal void MarkOverrun() => Volatile.Write(ref _overrun, 1);

    private bool RefreshBudget()
    {
        _deliveryBudget = Ring.FreeBytes() - Ring.Capacity / 2;
        if (_deliveryBudget >= DeliveryBytes)
            return true;
        Volatile.Write(ref _isBlocked, 1);
        return false;
    }

    public void Dispose() => Ring.Dispose();
}
