using LowLatency.Core.Journal;

namespace LowLatency.Server.Inspection;

/// <summary>The time at a place of the journal: that of the last record which tells one. Most do not.</summary>
internal sealed class JournalClock
{
    /// <summary>Unix time in nanoseconds; 0 before the first record that tells one.</summary>
    internal long NowNs { get; private set; }

    /// <returns>Whether the record tells its time.</returns>
    internal bool Take(in JournalRecord record)
    {
        long time = RecordDecoders.Find(record.Type)?.Time(record.Body) ?? 0;
        if (time == 0)
            return false;
        NowNs = time;
        return true;
    }
}
