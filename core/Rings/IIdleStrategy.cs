namespace LowLatency.Core.Rings;

/// <summary>What a thread does when there was nothing to do. A struct, so that the calls inline.</summary>
internal interface IIdleStrategy
{
    /// <summary>Waits a moment when <paramref name="workCount"/> is 0, else starts over.</summary>
    void Idle(int workCount);

    /// <summary>Starts over: there was work.</summary>
    void Reset();
}
