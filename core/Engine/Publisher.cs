namespace LowLatency.Core.Engine;

/// <summary>A publisher by name: how far its sequence has come, so that a resend is recognised, also after a restart. Engine thread only.</summary>
internal sealed class Publisher(uint id, byte[] name)
{
    private readonly StoredSequences _stored = new();

    internal uint Id { get; } = id;

    internal byte[] Name { get; } = name;

    /// <summary>Highest sequence that was stored.</summary>
    internal ulong LastSequence => _stored.Last;

    /// <summary>What is stored in the journal: all that a snapshot may tell, for what is in memory only is gone after a restart.</summary>
    internal StoredSequences Journaled { get; } = new();

    /// <summary>End of the record of the last stored message: durable up to here is durable for all before.</summary>
    internal long LastPosition { get; private set; }

    /// <summary>Highest sequence that was kept in memory only: a resend at or below it is confirmed at level memory.</summary>
    internal ulong LastMemorySequence { get; private set; }

    /// <summary>In the engine's order.</summary>
    internal LinkedListNode<Publisher>? Place { get; set; }

    /// <summary>The newest snapshot that tells of it, or needs not: see BrokerEngine.Snapshot.cs.</summary>
    internal long ToldBy { get; set; }

    /// <summary>The publication that is open under this name, if any.</summary>
    internal EnginePublication? Open { get; set; }

    /// <param name="sequence">Higher than <see cref="LastSequence"/>.</param>
    /// <param name="endPosition">End of its record in the journal; 0 when it is kept in memory only.</param>
    /// <param name="maxWindow">Most messages that a client can have unconfirmed.</param>
    internal void Stored(ulong sequence, long endPosition, int maxWindow)
    {
        _stored.Add(sequence, maxWindow);
        if (endPosition == 0)
        {
            LastMemorySequence = sequence;
            return;
        }
        LastPosition = endPosition;
        Journaled.Add(sequence, maxWindow);
    }

    /// <summary>A sequence below <see cref="LastSequence"/> that was not stored: it was rejected, or reached no queue, or was in memory only and is lost.</summary>
    internal bool IsHole(ulong sequence) => _stored.IsHole(sequence);

    /// <summary>From a snapshot. Its holes follow, in their order.</summary>
    internal void Restore(ulong lastSequence, long lastPosition)
    {
        _stored.Restore(lastSequence);
        Journaled.Restore(lastSequence);
        LastPosition = lastPosition;
    }

    internal void RestoreHole(ulong first, ulong last)
    {
        _stored.RestoreHole(first, last);
        Journaled.RestoreHole(first, last);
    }
}
