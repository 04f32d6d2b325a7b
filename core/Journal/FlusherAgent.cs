using System.Runtime.InteropServices;
using LowLatency.Core.Agents;
using LowLatency.Core.Rings;

namespace LowLatency.Core.Journal;

/// <summary>Makes the journal durable up to where the engine asked, in groups: what comes while one sync runs is in the next.</summary>
/// <remarks>
/// <c>durable &lt;= requested &lt;= published tail</c>, save that one sync covers all that was published when it began. Blocks in fdatasync: it has
/// a thread of its own. A simulator steps <see cref="DoWork"/> instead. The first error is the last sync of this journal: a second one
/// would return success for pages that the system has dropped.
/// </remarks>
internal sealed class FlusherAgent : IAgent
{
    private readonly RecordLog _log;
    private PaddedPosition _requested;
    private PaddedPosition _durable;

    internal FlusherAgent(RecordLog log, long durable)
    {
        _log = log;
        _durable = new PaddedPosition(durable);
        _requested = new PaddedPosition(durable);
    }

    public string Name => "flusher";

    /// <summary>Wakes the agent's thread. Set before the journal is used; needed only where a thread parks.</summary>
    internal WakeSignal? Wake { get; set; }

    /// <summary>Woken when more became durable, or the journal failed. Set before the journal is used.</summary>
    internal WakeSignal? OnDurableAdvanced { get; set; }

    /// <summary>Everything below is on disk. Any thread.</summary>
    internal long DurablePosition => _durable.ReadAcquire();

    internal long RequestedPosition => _requested.ReadAcquire();

    /// <summary>Syncs done. The agent's thread, or for statistics.</summary>
    internal long SyncCount { get; private set; }

    /// <summary>Asks for everything below <paramref name="position"/>. Engine thread.</summary>
    internal void Request(long position)
    {
        _requested.WriteRelease(position); // Pairs with the acquire in DoWork.
        Wake?.Wake();
    }

    /// <summary>One group, when something is asked for. Blocks until it is on disk.</summary>
    public int DoWork()
    {
        long durable = _durable.Read();
        if (_requested.ReadAcquire() <= durable || _log.State == JournalState.Failed)
            return 0;
        long tail = _log.PublishedTail; // Acquire: the records below are stored.
        // From the one in which the durable position lies, which is not in the segment before even when it is at its start.
        for (long position = durable; position < tail;)
        {
            Segment segment = _log.FindSegment(position)!;
            int error = segment.File!.Sync();
            SyncCount++;
            if (error != 0)
            {
                _log.Fail($"Sync of {segment.File.Name} failed: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}). What was stored after position {durable} " +
                    "may be lost. The broker serves what is durable and takes nothing more; check the disk, then restart the broker.");
                OnDurableAdvanced?.Wake();
                return 1;
            }
            position = segment.Base + segment.Length;
        }
        _durable.WriteRelease(tail); // Pairs with the acquire in DurablePosition.
        OnDurableAdvanced?.Wake();
        _log.PreparerWake?.Wake(); // Retired segments wait for it.
        return 1;
    }
}
