using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LowLatency.Core.Rings;

/// <summary>Events from one producer to several consumers, each of which sees every event, some only after others have.</summary>
/// <remarks>
/// <para><c>gate &lt;= published &lt;= claimed &lt;= gate + capacity</c>, the gate being the slowest of the last consumers: those that no
/// other waits for. Events are preallocated in native memory and zeroed once; a claimed event still has the bytes of a lap ago.</para>
/// <para>As Disruptor-net's SingleProducerSequencer: sequences from 0, power-of-two slots, a cached gate that is read again only
/// when it says full, claims of one or a batch, one store to publish a batch, consumers that take all that is available. Different:
/// a claim never waits (full is an answer, and back-pressure the caller's decision); the gate follows from the consumers' dependencies and is fixed
/// at the first claim, so that none can be forgotten; a barrier carries its consumer's sequence; the wait strategy is a struct
/// type parameter; dependent consumers are signalled too. Events are unmanaged: the garbage collector has nothing to look at.</para>
/// <para>Owner: whoever constructed it disposes of it, after all threads have stopped using it.</para>
/// </remarks>
internal sealed unsafe class BroadcastRing<TEvent, TWait> : IDisposable
    where TEvent : unmanaged
    where TWait : struct, IWaitStrategy
{
    // Below any sequence: the first claim reads the gate, and so finds out whether there is one.
    private const long GateUnread = long.MinValue / 2;
    private const int CapacityMax = 1 << 30;

    private readonly TEvent* _events;
    private readonly int _mask;
    private readonly TWait _wait;
    private readonly Sequence _published = new();
    private readonly List<SequenceBarrier<TWait>> _consumers = [];
    private readonly HashSet<Sequence> _followed = [];
    private Sequence[]? _gate;
    private BroadcastProducerSide _producer;
    private bool _disposed;

    /// <param name="capacity">Events: a power of two, 1 to 2^30.</param>
    /// <param name="wait">How consumers wait.</param>
    internal BroadcastRing(int capacity, TWait wait)
    {
        if (capacity < 1 || capacity > CapacityMax || !System.Numerics.BitOperations.IsPow2(capacity))
            throw new ArgumentOutOfRangeException(nameof(capacity), capacity, $"A ring's capacity is a power of two from 1 to {CapacityMax} events.");
        nuint bytes = (nuint)capacity * (nuint)sizeof(TEvent);
        _events = (TEvent*)NativeMemory.AlignedAlloc(bytes, CacheLine.PaddedBytes);
        NativeMemory.Clear(_events, bytes);
        _mask = capacity - 1;
        _wait = wait;
        _producer.Claimed = Sequence.Initial;
        _producer.GateCached = GateUnread;
    }

    /// <summary>Events that the ring holds.</summary>
    internal int Capacity => _mask + 1;

    /// <summary>Last sequence published; -1 at first. Any thread.</summary>
    internal long Published => _published.ReadAcquire();

    /// <summary>The event's slot. The producer's between claim and publish, the consumers' to read until they mark it consumed.</summary>
    internal ref TEvent this[long sequence]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref _events[(int)sequence & _mask];
    }

    /// <summary>Adds a consumer. Before the first claim, from the thread that sets the ring up.</summary>
    /// <param name="after">Consumers of this ring that must have consumed an event before this one sees it; none: it follows the producer.</param>
    /// <exception cref="InvalidOperationException">An event was claimed before.</exception>
    /// <exception cref="ArgumentException">A consumer of another ring.</exception>
    internal SequenceBarrier<TWait> AddConsumer(params ReadOnlySpan<SequenceBarrier<TWait>> after)
    {
        if (_gate != null)
            throw new InvalidOperationException("Consumers are added before the first claim.");
        Sequence[] sources = after.IsEmpty ? [_published] : new Sequence[after.Length];
        for (int i = 0; i < after.Length; i++)
        {
            if (!_consumers.Contains(after[i]))
                throw new ArgumentException("A consumer can follow consumers of its own ring only.", nameof(after));
            sources[i] = after[i].Consumed;
        }
        foreach (Sequence source in sources)
            _followed.Add(source);
        var consumer = new SequenceBarrier<TWait>(sources, _wait);
        _consumers.Add(consumer);
        return consumer;
    }

    /// <summary>Claims the next event. Producer thread.</summary>
    /// <returns><c>false</c> when the ring is full.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryClaim(out long sequence) => TryClaim(1, out sequence);

    /// <summary>Claims the next events. Producer thread. Never blocks; the first claim allocates.</summary>
    /// <param name="count">1 to <see cref="Capacity"/>.</param>
    /// <param name="last">Sequence of the last event claimed; the first is <c>last - count + 1</c>. When full: the last claimed before.</param>
    /// <returns><c>false</c> when fewer than <paramref name="count"/> are free; none is claimed then.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Count out of range.</exception>
    /// <exception cref="InvalidOperationException">The ring has no consumer.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryClaim(int count, out long last)
    {
        if ((uint)(count - 1) > (uint)_mask)
            ThrowCount(count);
        last = _producer.Claimed + count;
        if (last - Capacity > _producer.GateCached && !RefreshGate(last))
        {
            last = _producer.Claimed;
            return false;
        }
        _producer.Claimed = last;
        return true;
    }

    /// <summary>Makes all claimed events up to this one visible. Producer thread.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not claimed, or published before.</exception>
    internal void Publish(long sequence)
    {
        if (sequence > _producer.Claimed || sequence <= _published.Read())
            ThrowPublish(sequence);
        // Release: pairs with the acquire in SequenceBarrier.Available. The events were stored before.
        _published.WriteRelease(sequence);
        _wait.Signal();
    }

    /// <summary>Gives the memory back. No thread may use the ring any more.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        NativeMemory.AlignedFree(_events);
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // Reads the consumers' cache lines: only when the cached gate says full.
    private bool RefreshGate(long last)
    {
        _gate ??= CloseGate();
        long gate = long.MaxValue;
        foreach (Sequence consumed in _gate)
            gate = Math.Min(gate, consumed.ReadAcquire()); // Acquire: pairs with the release in MarkConsumed.
        _producer.GateCached = gate;
        return last - Capacity <= gate;
    }

    private Sequence[] CloseGate()
    {
        if (_consumers.Count == 0)
            throw new InvalidOperationException("A broadcast ring needs a consumer before its first claim.");
        var gate = new List<Sequence>();
        foreach (SequenceBarrier<TWait> consumer in _consumers)
        {
            if (!_followed.Contains(consumer.Consumed))
                gate.Add(consumer.Consumed);
        }
        return [.. gate];
    }

    [DoesNotReturn]
    private void ThrowCount(int count) =>
        throw new ArgumentOutOfRangeException(nameof(count), count, $"A claim on this ring takes 1 to {Capacity} events.");

    [DoesNotReturn]
    private void ThrowPublish(long sequence) =>
        throw new ArgumentOutOfRangeException(nameof(sequence), sequence,
            $"Published is {_published.Read()} and can be moved up to {_producer.Claimed}, the last sequence claimed.");
}
