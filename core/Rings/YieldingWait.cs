namespace LowLatency.Core.Rings;

/// <summary>Looks a hundred times, then yields between looks. Loads its core, but gives way to others.</summary>
internal readonly struct YieldingWait : IWaitStrategy
{
    private const int Spins = 100; // As Disruptor-net's YieldingWaitStrategy.

    public long WaitFor<TSource>(long sequence, TSource source)
        where TSource : struct, ISequenceSource
    {
        int spun = 0;
        long available;
        while ((available = source.Available()) < sequence && !source.IsAlerted)
        {
            if (spun++ < Spins)
                Thread.SpinWait(1);
            else
                Thread.Yield();
        }
        return available;
    }

    public void Signal()
    {
    }
}
