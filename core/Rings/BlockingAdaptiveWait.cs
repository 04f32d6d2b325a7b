namespace LowLatency.Core.Rings;

/// <summary>Spins, then yields, then blocks until signalled: next to no load while nothing comes.</summary>
/// <remarks>
/// <code>
///  waiter                                 signaller
///  waiters + 1 (full fence)               store the sequence
///  take the lock                          full fence
///  look; not there: wait in the lock      waiters > 0: take the lock, pulse all
/// </code>
/// Either the waiter sees the sequence or the signaller sees the waiter. Dependent consumers block as well: each consumer signals its
/// progress (Disruptor-net's BlockingWaitStrategy blocks for the producer only and spins for the consumers in front).
/// </remarks>
internal readonly struct BlockingAdaptiveWait : IWaitStrategy
{
    private const int Spins = 100;
    private const int Yields = 10;

    private readonly Gate _gate = new();

    // Explicit, so that `new` makes the gate; a `default` one has none and fails at its first use.
    public BlockingAdaptiveWait()
    {
    }

    public long WaitFor<TSource>(long sequence, TSource source)
        where TSource : struct, ISequenceSource
    {
        for (int i = 0; i < Spins + Yields; i++)
        {
            long available = source.Available();
            if (available >= sequence || source.IsAlerted)
                return available;
            if (i < Spins)
                Thread.SpinWait(1);
            else
                Thread.Yield();
        }
        return Block(sequence, source);
    }

    public void Signal()
    {
        // The sequence must be seen before the count is read: pairs with the add in Block.
        Interlocked.MemoryBarrier();
        if (_gate.Waiters.ReadAcquire() != 0)
        {
            lock (_gate)
                Monitor.PulseAll(_gate);
        }
    }

    private long Block<TSource>(long sequence, TSource source)
        where TSource : struct, ISequenceSource
    {
        _gate.Waiters.Add(1);
        try
        {
            lock (_gate)
            {
                long available;
                while ((available = source.Available()) < sequence && !source.IsAlerted)
                    Monitor.Wait(_gate);
                return available;
            }
        }
        finally
        {
            _gate.Waiters.Add(-1);
        }
    }

    /// <summary>What all copies of the strategy share.</summary>
    private sealed class Gate
    {
        internal PaddedPosition Waiters;
    }
}
