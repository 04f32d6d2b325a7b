namespace LowLatency.Core.Rings;

/// <summary>Looks again and again. For consumers with a core of their own.</summary>
internal readonly struct BusySpinWait : IWaitStrategy
{
    public long WaitFor<TSource>(long sequence, TSource source)
        where TSource : struct, ISequenceSource
    {
        long available;
        while ((available = source.Available()) < sequence && !source.IsAlerted)
            Thread.SpinWait(1);
        return available;
    }

    public void Signal()
    {
    }
}
