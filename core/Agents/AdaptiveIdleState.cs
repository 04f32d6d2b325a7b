using System.Diagnostics;

namespace LowLatency.Core.Agents;

/// <summary>Where an idle thread is on its way from spinning to parking. One thread's.</summary>
internal struct AdaptiveIdleState
{
    private const int SpinsPerLook = 4; // Short: work that arrives while spinning is seen within tens of nanoseconds.

    private readonly long _spinTicks;
    private long _spinUntil;

    internal AdaptiveIdleState(AdaptiveIdle options)
    {
        _spinTicks = options.SpinUs * Stopwatch.Frequency / 1_000_000;
    }

    /// <summary>There was work: the next idle moment starts to spin again.</summary>
    internal void Reset() => _spinUntil = 0;

    /// <summary>Idles one step.</summary>
    /// <returns><c>false</c> when it is time to park; nothing was waited for then.</returns>
    internal bool TryIdle()
    {
        if (_spinUntil == 0)
            _spinUntil = Stopwatch.GetTimestamp() + _spinTicks;
        // No yields in between: who yields may have its processor back with the next clock tick only, who is woken has it at once.
        if (Stopwatch.GetTimestamp() >= _spinUntil)
            return false;
        Thread.SpinWait(SpinsPerLook);
        return true;
    }
}
