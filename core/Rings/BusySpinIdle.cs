namespace LowLatency.Core.Rings;

/// <summary>Never gives the core away. For a thread with a core of its own: the lowest latency, a whole core of load.</summary>
internal struct BusySpinIdle : IIdleStrategy
{
    public readonly void Idle(int workCount)
    {
        if (workCount == 0)
            Thread.SpinWait(1); // A pause instruction: leaves the core's shared units to its sibling.
    }

    public readonly void Reset()
    {
    }
}
