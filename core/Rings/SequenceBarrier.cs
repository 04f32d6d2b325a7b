using System.Diagnostics.CodeAnalysis;

namespace LowLatency.Core.Rings;

/// <summary>One consumer of a <see cref="BroadcastRing{TEvent, TWait}"/>: what it must wait for, and how far it has come.</summary>
/// <remarks>
/// <c>consumed &lt;= available &lt;= published</c>. One consumer thread, except for <see cref="Alert"/>. In Disruptor-net the barrier and the
/// consumer's own sequence are two objects that the user keeps together; here they are one.
/// </remarks>
internal sealed class SequenceBarrier<TWait>
    where TWait : struct, IWaitStrategy
{
    private readonly Sequence[] _sources;
    private readonly TWait _wait;
    private long _available = Sequence.Initial;
    private bool _alerted;

    /// <param name="sources">The producer's cursor, or the sequences of the consumers in front.</param>
    /// <param name="wait">The ring's strategy.</param>
    internal SequenceBarrier(Sequence[] sources, TWait wait)
    {
        _sources = sources;
        _wait = wait;
    }

    /// <summary>How far this consumer has come. Others read it.</summary>
    internal Sequence Consumed { get; } = new();

    /// <summary>Whether waits end at once.</summary>
    internal bool IsAlerted => Volatile.Read(ref _alerted);

    /// <summary>Waits for an event as the ring's wait strategy does.</summary>
    /// <param name="sequence">Usually the one after the last consumed.</param>
    /// <returns>Highest sequence that may be read: take all up to it as one batch. Below <paramref name="sequence"/> only when alerted.</returns>
    internal long WaitFor(long sequence)
    {
        if (_available >= sequence)
            return _available;
        _available = _wait.WaitFor(sequence, new Source(this));
        return _available;
    }

    /// <summary>Looks for events without waiting.</summary>
    /// <param name="first">First event not consumed yet.</param>
    /// <param name="last">Last event that may be read.</param>
    /// <returns><c>false</c> when there is none; then <c>last &lt; first</c>.</returns>
    internal bool TryPoll(out long first, out long last)
    {
        first = Consumed.Read() + 1;
        if (_available < first)
            _available = Available();
        last = _available;
        return last >= first;
    }

    /// <summary>This consumer will not touch the events up to <paramref name="sequence"/> again. Once per batch.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not seen yet, or below what was consumed.</exception>
    internal void MarkConsumed(long sequence)
    {
        if (sequence > _available || sequence < Consumed.Read())
            ThrowSequence(sequence);
        // Release: pairs with the acquire of the consumers behind and of the producer.
        Consumed.WriteRelease(sequence);
        _wait.Signal();
    }

    /// <summary>Ends the present wait and every later one. Any thread.</summary>
    internal void Alert()
    {
        Volatile.Write(ref _alerted, true);
        _wait.Signal();
    }

    /// <summary>Acquires: what the sources' writers stored before is visible.</summary>
    private long Available()
    {
        long available = long.MaxValue;
        foreach (Sequence source in _sources)
            available = Math.Min(available, source.ReadAcquire());
        return available;
    }

    [DoesNotReturn]
    private void ThrowSequence(long sequence) =>
        throw new ArgumentOutOfRangeException(nameof(sequence), sequence,
            $"Consumed is {Consumed.Read()} and can be moved up to {_available}, the last sequence handed out.");

    private readonly struct Source(SequenceBarrier<TWait> barrier) : ISequenceSource
    {
        public bool IsAlerted => barrier.IsAlerted;

        public long Available() => barrier.Available();
    }
}
