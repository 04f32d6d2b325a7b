using System.Runtime.InteropServices;
using LowLatency.Core.Agents;
using LowLatency.Core.Rings;

namespace LowLatency.Core.Journal;

/// <summary>Makes the journal durable up to where the engine asked, in groups: what comes while one sync runs is in the next.</summary>
/// <remarks>
/// <c>durable &lt;= requested &lt;= published tail</c>, save that one sync covers all that was published when it began. Blocks in the kernel: it has
/// a thread of its own. A simulator steps <see cref="DoWork"/> instead. The first error is the last sync of this journal: a second one
/// would return success for pages that the system has dropped.
/// </remarks>
internal sealed class FlusherAgent : IAgent
{
    private readonly RecordLog _log;
    private PaddedPosition _requested;
    private PaddedPosition _durable;
    private long _needed;

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

    /// <summary>What is below <paramref name="position"/> need not be synced any more: a marker that says so is appended already. Engine thread.</summary>
    internal void Skip(long position) => Volatile.Write(ref _needed, position); // Pairs with the acquire in DoWork.

    /// <summary>How much was appended and is needed, and is not durable, in bytes. Engine thread.</summary>
    internal long UnsyncedBytes => _log.Tail - Math.Max(DurablePosition, _needed);

    /// <summary>One group, when something is asked for. Blocks until it is on disk.</summary>
    public int DoWork()
    {
        long durable = _durable.Read();
        if (_requested.ReadAcquire() <= durable || _log.State == JournalState.Failed)
            return 0;
        // In this order: the marker that allows to skip is below the tail, so it is in what is synced now.
        long position = Math.Max(durable, Volatile.Read(ref _needed));
        long tail = _log.PublishedTail; // Acquire: the records below are stored.
        while (position < tail)
        {
            Segment? segment = _log.FindSegment(position);
            if (segment == null)
            {
                // Retired since. What is needed was told before: start over, with the marker that says so below the tail.
                position = Math.Max(durable, Volatile.Read(ref _needed));
                tail = _log.PublishedTail;
                continue;
            }
            int start = (int)(position - segment.Base);
            int end = (int)Math.Min(tail - segment.Base, segment.Length);
            int error = segment.File!.Sync(start, end - start);
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
