using System.Runtime.InteropServices;
using LowLatency.Core.Engine;

namespace LowLatency.Transport.Server;

/// <summary>Deliveries of one connection that wait, by reference, until its socket takes bytes again, and what must not overtake them. First in, first out.</summary>
/// <remarks>Those that nobody settles wait as copies: their messages stay in the log only until their event is taken. Bounded by the credit that the connection gave: the engine sends no more. Native memory, held only while something waits. One thread.</remarks>
internal sealed unsafe class DeliverBacklog : IDisposable
{
    private const int FirstCapacity = 64;

    private WaitingEvent* _events;
    private int _capacity; // A power of two.
    private int _head;

    internal int Count { get; private set; }

    /// <summary>The oldest. Only when there is one; valid until the next call.</summary>
    internal ref readonly WaitingEvent Oldest => ref _events[_head];

    internal void Enqueue(in DeliverEvent delivery, MessageReader reader)
    {
        if (!TryKeep(in delivery, reader, out long position))
            return;
        ref WaitingEvent added = ref Add();
        added.Type = EventType.Deliver;
        added.Conflated.Deliver = delivery;
        added.Conflated.Deliver.Position = position;
    }

    internal void Enqueue(in DeliverConflatedEvent delivery, MessageReader reader)
    {
        if (!TryKeep(in delivery.Deliver, reader, out long position))
            return;
        ref WaitingEvent added = ref Add();
        added.Type = EventType.DeliverConflated;
        added.Conflated = delivery;
        added.Conflated.Deliver.Position = position;
    }

    internal void Enqueue(in DoneEvent done)
    {
        ref WaitingEvent added = ref Add();
        added.Type = EventType.Done;
        added.Done = done;
    }

    internal void Dequeue()
    {
        FreeCopy(in _events[_head]);
        _head = (_head + 1) & (_capacity - 1);
        if (--Count == 0)
            Release();
    }

    /// <summary>Drops the deliveries of one subscription: it has ended, and the engine has taken them back.</summary>
    internal void Remove(uint subscription)
    {
        int kept = 0;
        for (int i = 0; i < Count; i++)
        {
            WaitingEvent waiting = _events[(_head + i) & (_capacity - 1)];
            if (!waiting.IsDelivery || waiting.Conflated.Deliver.Subscription != subscription)
                _events[(_head + kept++) & (_capacity - 1)] = waiting;
            else
                FreeCopy(in waiting);
        }

        Count = kept;
        if (kept == 0)
            Release();
    }

    public void Dispose() => Release();

    private ref WaitingEvent Add()
    {
        if (Count == _capacity)
            Grow();
        return ref _events[(_head + Count++) & (_capacity - 1)];
    }

    private void Grow()
    {
        int capacity = Math.Max(FirstCapacity, _capacity * 2);
        WaitingEvent* events = (WaitingEvent*)NativeMemory.Alloc((nuint)capacity, (nuint)sizeof(WaitingEvent));
        for (int i = 0; i < Count; i++)
            events[i] = _events[(_head + i) & (_capacity - 1)];
        NativeMemory.Free(_events);
        _events = events;
        _capacity = capacity;
        _head = 0;
    }

    /// <returns>False when the message is gone, and the delivery with it.</returns>
    private static bool TryKeep(in DeliverEvent delivery, MessageReader reader, out long position)
    {
        position = delivery.Position;
        if ((delivery.Flags & DeliverEvent.PassingFlag) == 0)
            return true;
        if (!reader.TryRead(delivery.Position, out MessageView message))
            return false;
        position = CopiedMessage.Make(in message);
        return true;
    }

    private static void FreeCopy(in WaitingEvent waiting)
    {
        if (waiting.IsDelivery && CopiedMessage.Is(waiting.Conflated.Deliver.Position))
            CopiedMessage.Free(waiting.Conflated.Deliver.Position);
    }

    private void Release()
    {
        for (int i = 0; i < Count; i++)
            FreeCopy(in _events[(_head + i) & (_capacity - 1)]);
        NativeMemory.Free(_events);
        _events = null;
        _capacity = 0;
        _head = 0;
        Count = 0;
    }
}
