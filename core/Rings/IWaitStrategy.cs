namespace LowLatency.Core.Rings;

/// <summary>How the consumers of a <see cref="BroadcastRing{TEvent, TWait}"/> wait. A struct, so that calls are resolved when
/// compiling; copies share what they refer to.</summary>
internal interface IWaitStrategy
{
    /// <summary>Waits until the source has reached the sequence or is alerted. Consumer thread.</summary>
    /// <returns>Highest sequence available; below <paramref name="sequence"/> only when alerted.</returns>
    long WaitFor<TSource>(long sequence, TSource source)
        where TSource : struct, ISequenceSource;

    /// <summary>Wakes whoever waits. Called after each publish, each consumer's progress and each alert, by the thread that made it.</summary>
    void Signal();
}
