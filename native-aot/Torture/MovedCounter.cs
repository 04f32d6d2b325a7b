using LowLatency.Core.Journal;

namespace LowLatency.Server.Torture;

/// <summary>Counts what a broker moved out of old segments, as far as its journal still has it: shows that the load made it do so.</summary>
internal struct MovedCounter : IJournalVisitor
{
    private long _count;

    internal static long Count(string folder)
    {
        using var storage = new MappedJournalStorage(folder);
        using JournalReader reader = JournalReader.Open(storage);
        var counter = new MovedCounter();
        reader.Run(ref counter);
        return counter._count;
    }

    public bool OnRecord(in JournalRecord record)
    {
        if (record.Type == RecordType.Moved)
            _count++;
        return true;
    }
}
