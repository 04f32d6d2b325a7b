using System.Diagnostics.CodeAnalysis;

namespace LowLatency.Core.Engine;

/// <summary>Publications that were refused because a log has no room, each once, in the order in which they came. Engine thread only.</summary>
internal sealed class SpaceWaiters
{
    private readonly Queue<EnginePublication> _queue = new();
    private readonly HashSet<EnginePublication> _waiting = [];

    internal int Count => _waiting.Count;

    internal void Add(EnginePublication publication)
    {
        if (_waiting.Add(publication))
            _queue.Enqueue(publication);
    }

    internal void Remove(EnginePublication publication) => _waiting.Remove(publication);

    /// <summary>The next one, which waits no longer.</summary>
    internal bool TryTake([NotNullWhen(true)] out EnginePublication? publication)
    {
        while (_queue.TryDequeue(out publication))
        {
            if (_waiting.Remove(publication))
                return true;
        }
        return false;
    }
}
