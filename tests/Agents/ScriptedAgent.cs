using LowLatency.Core.Agents;

namespace LowLatency.Tests.Agents;

/// <summary>Does what it is told and counts its calls.</summary>
internal sealed class ScriptedAgent(string name, Func<int>? work = null, List<string>? log = null) : IAgent
{
    private int _cycles;
    private int _closed;

    public string Name => name;

    internal Exception? ThrowAtStart { get; init; }

    internal Exception? ThrowAtClose { get; init; }

    internal int Cycles => Volatile.Read(ref _cycles);

    internal int Closed => Volatile.Read(ref _closed);

    public int DoWork()
    {
        Interlocked.Increment(ref _cycles);
        return work?.Invoke() ?? 0;
    }

    public void OnStart()
    {
        log?.Add($"start {name}");
        if (ThrowAtStart != null)
            throw ThrowAtStart;
    }

    public void OnClose()
    {
        Interlocked.Increment(ref _closed);
        log?.Add($"close {name}");
        if (ThrowAtClose != null)
            throw ThrowAtClose;
    }
}
