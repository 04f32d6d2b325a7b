using System.Collections.Concurrent;

namespace LowLatency.Core.Journal;

/// <summary>Where records were moved that somebody may still ask for under their old positions: deliveries on their way to a consumer.</summary>
/// <remarks>The engine thread writes, any thread looks up. A record is forgotten with the segment that it was moved into: nothing in that is needed then.</remarks>
internal sealed class ForwardTable
{
    private readonly ConcurrentDictionary<long, long> _targets = new();

    // The engine thread's own: the old positions of each target, and the targets in each segment.
    private readonly Dictionary<long, List<long>> _sources = [];
    private readonly Dictionary<long, List<long>> _bySegment = [];

    /// <summary>Old positions that are known. For tests.</summary>
    internal int Count => _targets.Count;

    /// <param name="segment">Index of the segment of <paramref name="target"/>.</param>
    internal void Add(long source, long target, long segment)
    {
        // One that is moved again: all its old positions lead to the newest.
        if (!_sources.Remove(source, out List<long>? sources))
            sources = [];
        sources.Add(source);
        foreach (long old in sources)
            _targets[old] = target;
        _sources[target] = sources;
        if (!_bySegment.TryGetValue(segment, out List<long>? targets))
            _bySegment[segment] = targets = [];
        targets.Add(target);
    }

    /// <summary>A segment goes.</summary>
    internal void Forget(long segment)
    {
        if (!_bySegment.Remove(segment, out List<long>? targets))
            return;
        foreach (long target in targets)
        {
            if (!_sources.Remove(target, out List<long>? sources))
                continue; // Moved on.
            foreach (long source in sources)
                _targets.TryRemove(source, out _);
        }
    }

    internal bool TryFind(long source, out long target) => _targets.TryGetValue(source, out target);
}
