using System.Runtime.CompilerServices;
using LowLatency.Core.Engine;
using LowLatency.Core.Rings;
using RingLayout = LowLatency.Core.Rings.RecordLayout;

namespace LowLatency.Server.Simulation;

/// <summary>An egress port that is read twice: by the checker, which sees every event in the batch in which it was committed and
/// takes nothing, and by the client, which takes events when it likes.</summary>
internal sealed unsafe class SimulatedPort(int capacity) : IDisposable
{
    private long _peeked;

    internal EgressPort Port { get; } = new(capacity, null, alwaysDrained: false);

    /// <summary>The session behind it was ended by the engine because a reply found no room; known to the model.</summary>
    internal bool WasOverrun { get; set; }

    /// <summary>Room enough for any one event.</summary>
    internal bool HasRoom => Port.Ring.FreeBytes() >= capacity / 4 * 3;

    /// <summary>Room for a delivery beside what is kept for replies.</summary>
    internal bool CanDeliver => Port.Ring.FreeBytes() - capacity / 2 >= sizeof(DeliverEvent) + RingLayout.HeaderLength;

    /// <summary>Events committed since the last call. Leaves them where they are.</summary>
    internal void Peek(List<SimulatedEvent> events)
    {
        ref SpscByteRingCore<DirectMemory> core = ref Core(Port.Ring);
        RingTrailer* trailer = RingMemory.Trailer(core.Buffer, core.Capacity);
        while (_peeked < trailer->Tail)
        {
            byte* record = core.Buffer + ((int)_peeked & (core.Capacity - 1));
            long header = *(long*)record;
            int length = RingLayout.Length(header);
            if (RingLayout.Type(header) != RingLayout.PaddingType)
                events.Add(new SimulatedEvent((EventType)RingLayout.Type(header), new Span<byte>(record + RingLayout.HeaderLength, length).ToArray()));
            _peeked += RingLayout.RecordLength(length);
        }
    }

    /// <summary>The client takes events out.</summary>
    internal List<SimulatedEvent> Take(int limit)
    {
        var taker = new Taker([]);
        Port.Ring.Poll(ref taker, limit);
        return taker.Events;
    }

    public void Dispose() => Port.Dispose();

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_core")]
    private static extern ref SpscByteRingCore<DirectMemory> Core(SpscByteRing ring);

    private readonly struct Taker(List<SimulatedEvent> events) : IRecordHandler
    {
        internal List<SimulatedEvent> Events { get; } = events;

        public bool OnRecord(int type, ReadOnlySpan<byte> body)
        {
            Events.Add(new SimulatedEvent((EventType)type, body.ToArray()));
            return true;
        }
    }
}
