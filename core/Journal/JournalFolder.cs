namespace LowLatency.Core.Journal;

/// <summary>The files of a journal's folder, sorted by what they are, with the segments' headers read.</summary>
internal sealed class JournalFolder : IDisposable
{
    private JournalFolder(IJournalStorage storage) => Storage = storage;

    internal IJournalStorage Storage { get; }

    /// <summary>Rising by id.</summary>
    internal List<FoundSegment> Segments { get; } = [];

    internal List<(string Name, long Number)> Spares { get; } = [];

    internal List<string> UnknownFiles { get; } = [];

    /// <summary>Journal id, broker id and size, as every readable header says; <c>null</c> when there is none.</summary>
    internal SegmentHeader? Identity { get; private set; }

    /// <summary>Highest epoch in a header.</summary>
    internal uint MaxEpoch { get; private set; }

    /// <exception cref="JournalException">A newer format, or segments of two journals.</exception>
    internal static JournalFolder Read(IJournalStorage storage, bool readOnly)
    {
        var folder = new JournalFolder(storage);
        try
        {
            foreach (string name in storage.List())
                folder.Classify(name, readOnly);
            folder.Segments.Sort((a, b) => a.Id.CompareTo(b.Id));
            folder.UnknownFiles.Sort(StringComparer.Ordinal);
            folder.FindIdentity();
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (FoundSegment segment in Segments)
            segment.File.Dispose();
    }

    private void Classify(string name, bool readOnly)
    {
        if (JournalFiles.IsSegment(name, out long id))
        {
            SegmentFile file;
            try
            {
                file = Storage.Open(name, readOnly);
            }
            catch (StorageException error) when (readOnly && error.ErrorNumber == Errno.NoEntry)
            {
                return; // Retired by the broker that runs on it.
            }
            var segment = new FoundSegment(id, file);
            Segments.Add(segment);
            segment.Status = SegmentScanner.ReadHeader(file, out SegmentHeader header);
            segment.Header = header;
        }
        else if (JournalFiles.IsSpare(name, out long number))
        {
            Spares.Add((name, number));
        }
        else if (name != JournalFiles.Lock)
        {
            UnknownFiles.Add(name);
        }
    }

    private void FindIdentity()
    {
        FoundSegment? first = null;
        foreach (FoundSegment segment in Segments)
        {
            string name = segment.File.Name;
            if (segment.Status == HeaderStatus.OtherVersion)
            {
                throw new JournalException(
                    JournalError.FormatTooNew,
                    $"{name} in {Storage.Location} has a format that this broker does not know (it knows version {SegmentLayout.CurrentVersion}). Use the broker that wrote it, or a newer one.")
                {
                    FileName = name,
                };
            }
            if (segment.Status != HeaderStatus.Valid)
                continue;
            first ??= segment;
            if (segment.Header.JournalId != first.Header.JournalId || segment.Header.Size != first.Header.Size)
            {
                throw new JournalException(
                    JournalError.ForeignSegment,
                    $"{name} and {first.File.Name} in {Storage.Location} are of two different journals. Move those of one of them to another folder.")
                {
                    FileName = name,
                };
            }
            if (segment.Header.SegmentId != segment.Id)
            {
                throw new JournalException(
                    JournalError.ForeignSegment,
                    $"{name} in {Storage.Location} holds segment {segment.Header.SegmentId}: it was renamed. Give it back its name, {JournalFiles.Segment(segment.Header.SegmentId)}.")
                {
                    FileName = name,
                };
            }
            MaxEpoch = Math.Max(MaxEpoch, segment.Header.Epoch);
        }
        Identity = first?.Header;
    }
}

/// <summary>A segment file that was found.</summary>
internal sealed class FoundSegment(long id, SegmentFile file)
{
    /// <summary>By its name.</summary>
    internal long Id => id;

    internal SegmentFile File => file;

    internal HeaderStatus Status { get; set; }

    internal SegmentHeader Header { get; set; }

    /// <summary>A snapshot begins with its first record and is whole.</summary>
    internal bool HasSnapshot { get; set; }

    internal long SnapshotEnd { get; set; }
}
