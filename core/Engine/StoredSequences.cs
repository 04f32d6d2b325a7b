namespace LowLatency.Core.Engine;

/// <summary>Which sequences of a publisher are stored: the highest, and the holes below it. Engine thread only.</summary>
/// <remarks>A publisher's sequences rise, so that a gap in what was stored tells what was not, in a replay too. Only holes
/// that a client can still resend into are kept: those no more than a window back.</remarks>
internal sealed class StoredSequences
{
    private readonly List<(ulong First, ulong Last)> _holes = [];

    /// <summary>Highest sequence that was stored; 0 for none.</summary>
    internal ulong Last { get; private set; }

    /// <summary>Sequences below <see cref="Last"/> that were not stored, in rising order.</summary>
    internal IReadOnlyList<(ulong First, ulong Last)> Holes => _holes;

    /// <param name="sequence">Higher than <see cref="Last"/>.</param>
    /// <param name="maxWindow">Most messages that a client can have unconfirmed.</param>
    internal void Add(ulong sequence, int maxWindow)
    {
        if (sequence > Last + 1)
            _holes.Add((Last + 1, sequence - 1));
        Last = sequence;
        if (_holes.Count > 0)
            Prune(maxWindow);
    }

    internal bool IsHole(ulong sequence)
    {
        foreach ((ulong first, ulong last) in _holes)
        {
            if (sequence >= first && sequence <= last)
                return true;
        }
        return false;
    }

    /// <summary>From a snapshot. Its holes follow, in their order.</summary>
    internal void Restore(ulong last) => Last = last;

    internal void RestoreHole(ulong first, ulong last) => _holes.Add((first, last));

    // Half of them at a time: to take one off the front moves all others. What is pruned depends on nothing but
    // the sequences, so a replay prunes the same.
    private void Prune(int maxWindow)
    {
        ulong oldest = Last > (ulong)maxWindow ? Last - (ulong)maxWindow : 0;
        int middle = (_holes.Count - 1) / 2;
        if (_holes[middle].Last < oldest)
            _holes.RemoveRange(0, middle + 1);
    }
}
