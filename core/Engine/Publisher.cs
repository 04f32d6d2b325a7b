namespace LowLatency.Core.Engine;

/// <summary>A publisher by name: how far its sequence has come, so that a resend is recognised, also after a restart. Engine thread only.</summary>
internal sealed class Publisher(uint id, byte[] name)
{
    private readonly List<(ulong First, ulong Last)> _holes = [];

    internal uint Id { get; } = id;

    internal byte[] Name { get; } = name;

    /// <summary>Highest sequence that was stored.</summary>
    internal ulong LastSequence { get; private set; }

    /// <summary>End of the record of the last stored message: durable up to here is durable for all before.</summary>
    internal long LastPosition { get; private set; }

    /// <summary>Highest sequence that was kept in memory only: a resend at or below it is confirmed at level memory.</summary>
    internal ulong LastMemorySequence { get; private set; }

    /// <summary>The publication that is open under this name, if any.</summary>
    internal EnginePublication? Open { get; set; }

    /// <summary>Sequences below <see cref="LastSequence"/> that were not stored: rejected, or kept in memory only and lost.</summary>
    /// <remarks>A publisher's sequence has no gaps, so a gap in what was stored tells them, in a replay too. Only those a
    /// client can still resend are kept: no more than a window back.</remarks>
    internal IReadOnlyList<(ulong First, ulong Last)> Holes => _holes;

    /// <param name="sequence">Higher than <see cref="LastSequence"/>.</param>
    /// <param name="endPosition">End of its record in the journal; 0 when it is kept in memory only.</param>
    /// <param name="maxWindow">Most messages that a client can have unconfirmed.</param>
    internal void Stored(ulong sequence, long endPosition, int maxWindow)
    {
        if (sequence > LastSequence + 1)
            AddHole(LastSequence + 1, sequence - 1);
        LastSequence = sequence;
        if (endPosition == 0)
            LastMemorySequence = sequence;
        else
            LastPosition = endPosition;
        if (_holes.Count > 0)
            Prune(sequence, maxWindow);
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

    internal void Restore(ulong lastSequence, long lastPosition)
    {
        LastSequence = lastSequence;
        LastPosition = lastPosition;
    }

    internal void AddHole(ulong first, ulong last) => _holes.Add((first, last));

    private void Prune(ulong sequence, int maxWindow)
    {
        ulong oldest = sequence > (ulong)maxWindow ? sequence - (ulong)maxWindow : 0;
        int gone = 0;
        while (gone < _holes.Count && _holes[gone].Last < oldest)
            gone++;
        if (gone > 0)
            _holes.RemoveRange(0, gone);
    }
}
