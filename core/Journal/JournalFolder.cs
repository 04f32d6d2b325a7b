using LowLatency.Core.Compression;

namespace LowLatency.Core.Journal;

/// <summary>The files of a journal's folder, sorted by what they are, with the segments' headers read.</summary>
internal sealed class JournalFolder : IDisposable
{
    private Lz4? _lz4;

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
            if (header.IsCompressed && CompressedSegmentFile.TryOpen(file, header, Lz4For(name)) is { } compressed)
                segment.File = compressed;
            else if (header.IsCompressed)
                segment.Status = HeaderStatus.Damaged;
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

    private Lz4 Lz4For(string name)
    {
        if (_lz4 == null && !Lz4.TryLoad(null, out _lz4, out string? problem))
            throw new JournalException(JournalError.LibraryMissing, $"{name} in {Storage.Location} is compressed. {problem} Nothing was changed.") { FileName = name };
        return _lz4;
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
                    $"{name} in {Storage.Location} has a format that this broker does not know (it knows versions {SegmentLayout.PlainVersion} and {SegmentLayout.CompressedVersion}). Nothing was changed. Use the broker that wrote it, or a newer one.")
                {
                    FileName = name,
                };
            }
            if (segment.Status != HeaderStatus.Valid)
                continue;
            first ??= segment;
            if (!IsSameJournal(segment, first))
                throw OfTwoJournals(first, name);
            if (segment.Header.SegmentId != segment.Id)
            {
                throw new JournalException(
                    JournalError.ForeignSegment,
                    $"{name} in {Storage.Location} holds segment {segment.Header.SegmentId}: it was renamed, or copied. Give it back its name, {JournalFiles.Segment(segment.Header.SegmentId)}, or move it to another folder. Nothing was changed.")
                {
                    FileName = name,
                };
            }
            MaxEpoch = Math.Max(MaxEpoch, segment.Header.Epoch);
        }
        Identity = first?.Header;
    }

    private static bool IsSameJournal(FoundSegment a, FoundSegment b) => a.Header.JournalId == b.Header.JournalId && a.Header.Size == b.Header.Size;

    /// <summary>Which files go together: what does not belong here is for a person to say.</summary>
    private JournalException OfTwoJournals(FoundSegment first, string name)
    {
        List<FoundSegment> valid = Segments.FindAll(segment => segment.Status == HeaderStatus.Valid);
        return new JournalException(
            JournalError.ForeignSegment,
            $"{Storage.Location} holds segments of different journals: {Names(valid.FindAll(segment => IsSameJournal(segment, first)))} of one, " +
            $"{Names(valid.FindAll(segment => !IsSameJournal(segment, first)))} of another. Nothing was changed. Move those that do not belong here to another folder.")
        {
            FileName = name,
        };
    }

    private static string Names(List<FoundSegment> segments)
    {
        const int shown = 3;
        string names = string.Join(", ", segments.Take(shown).Select(segment => segment.File.Name));
        return segments.Count <= shown ? names : $"{names} and {segments.Count - shown} more";
    }

    /// <summary>A call that failed while a tool was reading.</summary>
    internal static JournalException Unreadable(IJournalStorage storage, StorageException error)
    {
        JournalError code = error.IsNoPermission ? JournalError.NoPermission : JournalError.StorageFailed;
        string advice = error.IsNoPermission ? "Give this process's user read permission there." : "Check the disk, then try again.";
        return new JournalException(code, $"The journal in {storage.Location} cannot be read: {error.Message} {advice}", error);
    }

    /// <summary>A record in a segment of this format that only a newer broker can have written.</summary>
    internal static JournalException NewerRecord(string location, long position, int segmentSize)
    {
        string name = JournalFiles.Segment(position / segmentSize);
        return new JournalException(
            JournalError.FormatTooNew,
            $"{name} in {location} holds a record at position {position} that this broker does not know: a newer broker wrote it. Nothing was changed. Use that broker, or a newer one.")
        {
            Position = position,
            FileName = name,
        };
    }
}

/// <summary>A segment file that was found.</summary>
internal sealed class FoundSegment(long id, SegmentFile file)
{
    /// <summary>By its name.</summary>
    internal long Id => id;

    internal SegmentFile File { get; set; } = file;

    /// <summary>It is on the disk whole: only such a segment is compressed.</summary>
    internal bool IsCompressed => File is CompressedSegmentFile;

    internal HeaderStatus Status { get; set; }

    internal SegmentHeader Header { get; set; }

    /// <summary>A snapshot begins with its first record and is whole.</summary>
    internal bool HasSnapshot { get; set; }

    internal long SnapshotEnd { get; set; }
}
