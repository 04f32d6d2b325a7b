using System.Diagnostics;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary>Tells the operator when the room on the journal's disk passes one of its marks, in either direction.</summary>
internal sealed class SpaceWatch(BrokerCore core, Action<string> notice)
{
    private long _lowAt;
    private long _fullAt;

    /// <summary>Looks, and tells what has changed since the last time.</summary>
    internal void Check()
    {
        DiskSpace? space = core.Space;
        bool isFull = core.JournalState == JournalState.NoSpace;
        if (space is { IsLow: true } && _lowAt == 0)
        {
            _lowAt = Stopwatch.GetTimestamp();
            notice(space.Sentence);
        }
        if (isFull && _fullAt == 0)
        {
            _fullAt = Stopwatch.GetTimestamp();
            notice($"Messages at levels process and disk are rejected (601): {core.JournalFailureText}");
        }
        else if (!isFull && _fullAt != 0)
        {
            notice($"Messages at levels process and disk are taken again: the disk was full for {Since(_fullAt)}.");
            _fullAt = 0;
        }
        if (space is { IsLow: false } && _lowAt != 0)
        {
            notice($"{Quantity.Bytes(space.FreeBytes)} are free in the data folder's file system: publishing goes on, it was held back for {Since(_lowAt)}.");
            _lowAt = 0;
        }
    }

    private static string Since(long timestamp) => Quantity.Duration((long)Stopwatch.GetElapsedTime(timestamp).TotalNanoseconds);
}
