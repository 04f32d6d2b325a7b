namespace LowLatency.Core.Journal;

/// <summary>Reads every record of a journal, from the oldest segment that is needed to the end, for tools. Writes nothing and takes no lock: a broker may be running on it.</summary>
/// <remarks>Bounded: one segment in memory, and no segment that was made after the reader was.</remarks>
internal sealed class JournalReader : IDisposable
{
    // A broker that writes now may have been between two stores when a place was read.
    private const int Rereads = 3;

    private readonly SegmentScanner _scanner;
    private readonly Action<VerifyProgress>? _progress;
    private uint _epoch;
    private RecordType _lastType;
    private bool _endsClean;

    private JournalReader(JournalFolder folder, Action<VerifyProgress>? progress)
    {
        Folder = folder;
        _progress = progress;
        SegmentHeader identity = folder.Identity!.Value;
        SegmentSize = identity.Size;
        _scanner = new SegmentScanner(identity.JournalId, identity.Size);
    }

    /// <summary>The folder as it was when the reader was made.</summary>
    internal JournalFolder Folder { get; }

    /// <summary>Bytes.</summary>
    internal int SegmentSize { get; }

    /// <summary>Id of the first segment that counts; those before it are left over. After <see cref="Run"/>.</summary>
    internal long OldestSegment { get; private set; }

    /// <param name="storage">Stays the caller's; not locked.</param>
    /// <param name="progress">Called before each segment; may be <c>null</c>.</param>
    /// <exception cref="JournalException">No journal, a newer format, segments of two journals, or a file that cannot be read.</exception>
    internal static JournalReader Open(IJournalStorage storage, Action<VerifyProgress>? progress = null)
    {
        try
        {
            JournalFolder folder = JournalFolder.Read(storage, readOnly: true);
            if (folder.Identity != null)
                return new JournalReader(folder, progress);
            bool isEmpty = folder.Segments.TrueForAll(segment => segment.Status == HeaderStatus.Empty);
            folder.Dispose();
            throw isEmpty
                ? new JournalException(JournalError.FolderMissing, $"There is no journal in {storage.Location}: it holds no {JournalFiles.Segment(0)} or later one. Name the folder that a broker was given with 'serve --data'.")
                : new JournalException(JournalError.Damaged, $"No segment in {storage.Location} has a readable header. Restore the files from a copy.");
        }
        catch (StorageException error)
        {
            throw JournalFolder.Unreadable(storage, error);
        }
    }

    /// <summary>Feeds all records to the visitor. Once.</summary>
    /// <exception cref="JournalException">A file cannot be read.</exception>
    internal JournalEnd Run<TVisitor>(ref TVisitor visitor)
        where TVisitor : IJournalVisitor
    {
        try
        {
            return Follow(ref visitor);
        }
        catch (StorageException error)
        {
            throw JournalFolder.Unreadable(Folder.Storage, error);
        }
    }

    public void Dispose()
    {
        _scanner.Dispose();
        Folder.Dispose();
    }

    private JournalEnd Follow<TVisitor>(ref TVisitor visitor)
        where TVisitor : IJournalVisitor
    {
        var scan = new JournalScan(Folder, _scanner);
        scan.FindNewestMarker(dropsCaches: false);
        OldestSegment = Folder.Segments[scan.First].Id;
        bool lacksFirst = scan.MissingFirst >= 0;
        int index = scan.First;
        long end;
        while (true)
        {
            FoundSegment segment = Folder.Segments[index];
            _progress?.Invoke(new VerifyProgress(index + 1, Folder.Segments.Count, segment.File.Name));
            if (!ReadSegment(segment, ref visitor, out end))
                return new JournalEnd { Kind = JournalEndKind.Stopped, Position = end, Text = "" };
            if (end != (segment.Id + 1) * SegmentSize)
                break;
            if (++index == Folder.Segments.Count)
            {
                // A broker that runs may have made it since the folder was read.
                if (RecordTypes.FillsOnlyBeforeAnother(_lastType) && !Folder.Storage.List().Contains(JournalFiles.Segment(segment.Id + 1)))
                    return Missing(segment.Id + 1, end);
                break;
            }
            if (Folder.Segments[index].Id != segment.Id + 1)
                return Missing(segment.Id + 1, end);
        }
        JournalEnd found = Judge(index, end);
        if (_scanner.NewerPosition >= 0)
            throw JournalFolder.NewerRecord(Folder.Storage.Location, _scanner.NewerPosition, SegmentSize);
        return lacksFirst && found.Kind != JournalEndKind.Retired ? Missing(scan.MissingFirst, end) : found;
    }

    /// <returns>False when the visitor wanted no more.</returns>
    private bool ReadSegment<TVisitor>(FoundSegment segment, ref TVisitor visitor, out long end)
        where TVisitor : IJournalVisitor
    {
        end = segment.Id * SegmentSize;
        if (segment.Status != HeaderStatus.Valid)
            return true;
        _scanner.Begin(segment.File, segment.Id);
        _epoch = Math.Max(_epoch, segment.Header.Epoch);
        end += SegmentLayout.HeaderLength;
        while (TryRecord((int)(end - _scanner.Base), out ScannedRecord scanned))
        {
            _epoch = scanned.Epoch;
            _lastType = scanned.Type;
            _endsClean = scanned.Marker is { } marker && (marker.Flags & MarkerFlags.Clean) != 0;
            if (!Feed(scanned, end, ref visitor))
                return false;
            end += scanned.AlignedLength;
        }
        return true;
    }

    private static bool Feed<TVisitor>(in ScannedRecord scanned, long position, ref TVisitor visitor)
        where TVisitor : IJournalVisitor
    {
        ReadOnlySpan<byte> body = scanned.Type == RecordType.Pad ? default : scanned.Body; // What a pad covers was not read.
        if (!visitor.OnRecord(new JournalRecord(scanned.Type, scanned.StreamId, position, scanned.Epoch, body) { AlignedLength = scanned.AlignedLength }))
            return false;
        if (scanned.Type != RecordType.Group)
            return true;
        var group = new GroupReader(body, position);
        while (group.Read())
        {
            var record = new JournalRecord(group.Type, group.StreamId, group.Position, scanned.Epoch, group.Body)
            {
                GroupPosition = position,
                AlignedLength = RecordLayout.AlignedLength(group.Body.Length),
            };
            if (!visitor.OnRecord(record))
                return false;
        }
        return true;
    }

    private bool TryRecord(int offset, out ScannedRecord record)
    {
        for (int i = 0; i < Rereads; i++)
        {
            if (_scanner.TryRecord(offset, _epoch, out record))
                return true;
            _scanner.Reread(offset);
        }
        record = default;
        return false;
    }

    /// <summary>The end, a torn tail, or damage? A marker behind it that knows of something durable beyond it proves damage.</summary>
    private JournalEnd Judge(int index, long end)
    {
        // What is compressed was on the disk whole.
        int whole = Folder.Segments.FindLastIndex(segment => segment.IsCompressed);
        long durable = whole >= index ? (Folder.Segments[whole].Id + 1) * SegmentSize : 0;
        long traceEnd = end;
        for (int i = index; i < Folder.Segments.Count; i++)
        {
            FoundSegment segment = Folder.Segments[i];
            _scanner.Begin(segment.File, segment.Id);
            int offset = i == index ? Math.Max((int)(end - _scanner.Base), SegmentLayout.HeaderLength) : SegmentLayout.HeaderLength;
            if (offset >= SegmentSize)
                continue;
            SweepResult rest = _scanner.Sweep(offset);
            durable = Math.Max(durable, rest.MaxDurable);
            if (rest.TraceEnd > offset)
                traceEnd = Math.Max(traceEnd, _scanner.Base + rest.TraceEnd);
        }
        bool isTorn = traceEnd > end;
        bool isDamaged = durable > end || end == OldestSegment * SegmentSize;
        if (index < Folder.Segments.Count && (isTorn || isDamaged))
        {
            FoundSegment last = Folder.Segments[index];
            if (!Folder.Storage.List().Contains(last.File.Name))
                return Retired(last.File.Name, end);
            _scanner.Begin(last.File, last.Id);
            if (last.Status == HeaderStatus.Valid && TryRecord((int)(end - _scanner.Base), out _))
                isTorn = false; // Written since it was read: a broker is at work.
            else if (isDamaged)
                return Damaged(last.File.Name, end, durable);
        }
        return new JournalEnd
        {
            Kind = isTorn ? JournalEndKind.TornTail : JournalEndKind.End,
            Position = end,
            EndsClean = _endsClean && !isTorn,
            Text = isTorn
                ? $"The journal ends at position {end}; {traceEnd - end} bytes after it were begun and never confirmed at level disk."
                : $"The journal ends at position {end}{(_endsClean ? ", after a stop in order" : "")}.",
        };
    }

    private JournalEnd Damaged(string name, long end, long durable) => new()
    {
        Kind = JournalEndKind.Damaged,
        Position = end,
        Text = $"Reading stopped at position {end} (offset {end % SegmentSize}) in {name} of {Folder.Storage.Location}: what stands there is not what was written" +
            $"{(durable > end ? $", and everything up to position {durable} at least was on disk" : "")}. 'lowlatency journal verify' shows every damaged place; restore the file from a copy.",
    };

    private JournalEnd Missing(long id, long end) => new()
    {
        Kind = JournalEndKind.MissingSegment,
        Position = end,
        Text = $"{JournalFiles.Segment(id)} is missing in {Folder.Storage.Location}: the records from position {id * SegmentSize} on that it held were not read. Put the file back.",
    };

    private static JournalEnd Retired(string name, long end) => new()
    {
        Kind = JournalEndKind.Retired,
        Position = end,
        Text = $"The broker that has the journal open needed {name} no longer and took it away while it was read: reading stopped at position {end}. Run the command again.",
    };
}
