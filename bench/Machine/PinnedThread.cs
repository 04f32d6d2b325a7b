using LowLatency.Core.Agents;

namespace LowLatency.Bench.Machine;

/// <summary>Holds the calling thread on one processor until it is disposed of. A spinning client has the last processor, the broker the first.</summary>
internal readonly ref struct PinnedThread
{
    private readonly bool _isPinned;

    private PinnedThread(bool isPinned) => _isPinned = isPinned;

    /// <summary>Processor of the broker's hot thread, or of the echo.</summary>
    internal const int BrokerProcessor = 0;

    /// <summary>The client's, when it spins and there are at least two; else the thread stays free.</summary>
    internal static PinnedThread ForClient(bool spins) =>
        new(spins && Environment.ProcessorCount > 1 && ThreadAffinity.TryPin(Environment.ProcessorCount - 1));

    /// <summary>The other side's: an echo, a ring's consumer.</summary>
    internal static PinnedThread ForEcho(bool spins) =>
        new(spins && Environment.ProcessorCount > 1 && ThreadAffinity.TryPin(BrokerProcessor));

    public void Dispose()
    {
        if (_isPinned)
            ThreadAffinity.TryUnpin();
    }
}
