using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using LowLatency.Tests.Journals;

namespace LowLatency.Tests.Faults;

/// <summary>A journal as it lies on a disk, with everything known that was appended to it: what campaigns damage.</summary>
internal sealed unsafe class JournalImage
{
    private const int TailLength = 64 * 1024;

    private readonly Dictionary<string, byte[]> _files;

    private JournalImage(SimulatedDisk disk, JournalHarness journal, List<long> ends, byte[] oldBytes)
    {
        _files = disk.Names.ToDictionary(pair => pair.Key, pair => pair.Value.Bytes.ToArray(), StringComparer.Ordinal);
        Appended = [.. journal.Appended];
        Ends = ends;
        Base = journal.Log.Active!.Base;
        ActiveName = journal.Log.Active.File!.Name;
        End = (int)(journal.Log.Tail - Base);
        Epoch = journal.Journal.Epoch;
        OldBytes = oldBytes;
        Active = _files[ActiveName];
        Starts = FindStarts();
    }

    internal List<KnownRecord> Appended { get; }

    /// <summary>Of each appended record, the position up to which the log must be whole for it to be there.</summary>
    internal List<long> Ends { get; }

    internal string ActiveName { get; }

    /// <summary>The bytes of the segment with the tail.</summary>
    internal byte[] Active { get; }

    /// <summary>Position of that segment.</summary>
    internal long Base { get; }

    /// <summary>Offset of the tail in that segment.</summary>
    internal int End { get; }

    internal uint Epoch { get; }

    /// <summary>What the file of that segment held in its earlier life.</summary>
    internal byte[] OldBytes { get; }

    /// <summary>Offsets of all records in that segment, markers included, and the durable position that a marker names (else 0).</summary>
    internal List<(int Offset, long Durable)> Starts { get; }

    /// <summary>A segment in a recycled file, whose last 64 KiB were never synced.</summary>
    internal static JournalImage WithTornTail(int seed)
    {
        var random = new Random(seed);
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start());
        journal.Journal.EnableRetirement();
        var ends = new List<long>();
        // Through segments whose messages are settled at once, until files come back.
        while (journal.Rolls < 5)
        {
            int kind = random.Next(3);
            // Runs of tiny ones: wherever a record of the next life ends, one of this life may have begun.
            for (int i = kind == 0 ? 200 : 1; i > 0; i--)
                Append(journal, ends, random, kind switch { 0 => 32, 1 => 700, _ => 30_000 }, live: false);
        }
        journal.Flush();
        journal.Journal.Maintain();
        journal.Flush();
        journal.RunPreparer();
        for (int i = 0; i < 3; i++)
            Append(journal, ends, random, 300, live: true);
        journal.Flush();
        byte[] old = disk.Names[journal.Log.Active!.File!.Name].Bytes.ToArray();
        long from = journal.Log.Tail;
        while (journal.Log.Tail < from + TailLength)
            AppendSome(journal, ends, random);
        return new JournalImage(disk, journal, ends, old);
    }

    /// <summary>A journal of 64 KiB, its header page included, with a sync after every few records.</summary>
    internal static JournalImage OfSyncedRecords(int seed)
    {
        var random = new Random(seed);
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start());
        var ends = new List<long>();
        while (journal.Log.Tail < TailLength - 256)
        {
            AppendSome(journal, ends, random);
            if (random.Next(3) == 0)
                journal.Flush();
        }
        return new JournalImage(disk, journal, ends, []);
    }

    /// <summary>Puts the files into a storage.</summary>
    internal RewindableFile CopyTo(RewindableStorage storage)
    {
        int index = 0;
        foreach ((string name, byte[] bytes) in _files)
        {
            RewindableFile file = storage.Add(name, index++, bytes.Length);
            bytes.CopyTo(new Span<byte>(file.Image, bytes.Length));
            file.IsTouched = true;
        }
        storage.Rewind();
        return storage.Names[ActiveName];
    }

    /// <summary>How many records must be there when the log is whole up to an offset of its last segment.</summary>
    internal int CountUpTo(int offset)
    {
        int index = Ends.BinarySearch(Base + offset);
        if (index < 0)
            return ~index;
        while (index + 1 < Ends.Count && Ends[index + 1] == Base + offset)
            index++; // The records of a group end together.
        return index + 1;
    }

    /// <summary>Index in <see cref="Starts"/> of the record that an offset is in.</summary>
    internal int RecordAt(int offset)
    {
        int index = Starts.BinarySearch((offset, long.MaxValue));
        return (index < 0 ? ~index : index) - 1;
    }

    private static void AppendSome(JournalHarness journal, List<long> ends, Random random)
    {
        switch (random.Next(12))
        {
            case 0:
                journal.Journal.RequestFlush(); // Its marker, without the sync.
                break;
            case 1:
                Append(journal, ends, random, 6_000, live: true);
                break;
            case 2:
                AppendGroup(journal, ends, random);
                break;
            default:
                Append(journal, ends, random, 500, live: true);
                break;
        }
    }

    private static void Append(JournalHarness journal, List<long> ends, Random random, int maxLength, bool live)
    {
        // Segments without live messages go, and the model of the harness with them: only what is in the last one is held to it.
        int known = journal.Appended.Count;
        long position = journal.Append(random.Next(maxLength), known);
        journal.Log.AddReferences(position, 1);
        if (!live)
            journal.Log.Release(position);
        if (journal.Rolls > 0 && !live && random.Next(4) == 0)
        {
            journal.Journal.Maintain();
            journal.Journal.RequestFlush();
            journal.Journal.Flusher.DoWork();
            journal.RunPreparer();
        }
        Close(journal, ends);
    }

    private static void AppendGroup(JournalHarness journal, List<long> ends, Random random)
    {
        if (!journal.Log.TryBeginGroup(3 * RecordLayout.AlignedLength(200), out _))
            return;
        for (int i = 0; i < 3; i++)
            journal.TryAppend(RecordType.Ack, (uint)i, JournalHarness.Body(random.Next(200), i), out _);
        journal.Log.EndGroup();
        Close(journal, ends);
    }

    private static void Close(JournalHarness journal, List<long> ends)
    {
        while (ends.Count < journal.Appended.Count)
            ends.Add(journal.Log.Tail);
    }

    private List<(int Offset, long Durable)> FindStarts()
    {
        var starts = new List<(int Offset, long Durable)>();
        fixed (byte* bytes = Active)
        {
            for (int offset = SegmentLayout.HeaderLength; offset < End; offset += RecordLayout.AlignedLength(RecordLayout.BodyLength(bytes + offset)))
            {
                bool isMarker = RecordLayout.TypeOf(bytes + offset) == RecordType.Marker;
                starts.Add((offset, isMarker ? *(long*)(bytes + offset + RecordLayout.HeaderLength + MarkerLayout.DurablePosition) : 0));
            }
        }
        return starts;
    }
}
