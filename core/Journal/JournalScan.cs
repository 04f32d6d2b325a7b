namespace LowLatency.Core.Journal;

/// <summary>Follows the records of a journal from the first needed segment to the first place that holds none.</summary>
/// <remarks>Steps 2 and 3 of recovery in docs/journal.md. Changes nothing.</remarks>
internal sealed unsafe class JournalScan
{
    private readonly JournalFolder _folder;
    private readonly SegmentScanner _scanner;
    private readonly int _size;
    private FoundSegment? _snapshotSegment;
    private uint _epoch;
    private RecordType _lastType;
    private long _missing = -1;

    internal JournalScan(JournalFolder folder, SegmentScanner scanner)
    {
        _folder = folder;
        _scanner = scanner;
        _size = folder.Identity!.Value.Size;
        MaxEpoch = folder.MaxEpoch;
    }

    /// <summary>Index in the folder's list of the first segment that counts.</summary>
    internal int First { get; private set; }

    /// <summary>Index in the folder's list of the segment with the end in it. May be one after the last: the end is the end of the last.</summary>
    internal int Last { get; private set; }

    /// <summary>The end: the position after the last valid record.</summary>
    internal long End { get; private set; }

    internal long Records { get; private set; }

    internal long Bytes { get; private set; }

    /// <summary>Highest epoch of any record, dropped ones included.</summary>
    internal uint MaxEpoch { get; private set; }

    /// <summary>The last marker before the end.</summary>
    internal Marker? LastMarker { get; private set; }

    /// <summary>The last record before the end is the marker of a stop in order.</summary>
    internal bool EndsClean { get; private set; }

    internal long TornBytes { get; private set; }

    /// <summary>Durable position that the markers found in advance give: everything below was synced.</summary>
    internal long KnownDurable { get; private set; }

    /// <summary>Id of the first segment that is needed, where it is not there; -1 otherwise.</summary>
    internal long MissingFirst => _missing;

    /// <summary>Finds the newest marker without reading everything: what is durable for certain, and which segments are still needed.</summary>
    /// <param name="dropsCaches">Read what may not have been synced from the disk. A tool beside a running broker does without.</param>
    internal void FindNewestMarker(bool dropsCaches = true)
    {
        long oldest = -1;
        for (int i = _folder.Segments.Count - 1; i >= 0; i--)
        {
            FoundSegment segment = _folder.Segments[i];
            if (dropsCaches)
                segment.File.DropCache();
            if (segment.Status != HeaderStatus.Valid || NewestMarkerOf(segment) is not { } newest)
                continue;
            if (oldest < 0)
            {
                oldest = newest.OldestSegment;
                KnownDurable = newest.Durable;
                // Synced without an error: what the cache holds is what the disk has. Later ones are read from the disk.
                for (int j = i - 1; dropsCaches && j >= 0 && _folder.Segments[j].Id >= KnownDurable / _size; j--)
                    _folder.Segments[j].File.DropCache();
            }
            // It may have come to the disk before what stands in front of it. Then it is beyond the end, and what an older one names is still there.
            if (IsReached(i, newest) && (newest.OldestSegment == segment.Id || newest.Durable > newest.OldestSegment * _size || IsBase(newest.OldestSegment)))
            {
                oldest = newest.OldestSegment;
                break;
            }
        }
        oldest = oldest < 0 ? _folder.Segments[0].Id : oldest;
        First = Math.Max(0, _folder.Segments.FindIndex(segment => segment.Id >= oldest));
        if (_folder.Segments[First].Id != oldest)
            _missing = oldest;
    }

    private Marker? NewestMarkerOf(FoundSegment segment)
    {
        Marker? newest = null;
        _scanner.Begin(segment.File, segment.Id);
        uint epoch = segment.Header.Epoch;
        for (int offset = SegmentLayout.HeaderLength; _scanner.TryRecord(offset, epoch, out ScannedRecord record); offset += record.AlignedLength)
        {
            epoch = record.Epoch;
            newest = record.Marker ?? newest;
        }
        return newest;
    }

    /// <summary>Whether nothing is missing between what was durable when a marker was written and the segment in which it stands.</summary>
    private bool IsReached(int index, in Marker marker)
    {
        for (long id = Math.Max(marker.OldestSegment, marker.Durable / _size); id < _folder.Segments[index].Id; id++)
        {
            FoundSegment? segment = _folder.Segments.Find(segment => segment.Id == id);
            if (segment == null)
                return true; // Which is said when it is missed.
            if (segment.Status != HeaderStatus.Valid)
                return false;
            _scanner.Begin(segment.File, id);
            uint epoch = segment.Header.Epoch;
            int offset = SegmentLayout.HeaderLength;
            for (; _scanner.TryRecord(offset, epoch, out ScannedRecord record); offset += record.AlignedLength)
                epoch = record.Epoch;
            if (offset != _size)
                return false;
        }
        return true;
    }

    /// <summary>Whether a recovery can begin with a segment: number 0, or one with a whole snapshot.</summary>
    private bool IsBase(long id)
    {
        FoundSegment? segment = _folder.Segments.Find(segment => segment.Id == id);
        if (id == 0 || segment == null || segment.Status != HeaderStatus.Valid)
            return id == 0;
        _scanner.Begin(segment.File, segment.Id);
        uint epoch = segment.Header.Epoch;
        bool isBegun = false; // The end of one may stand here that an older segment begins with.
        for (int offset = SegmentLayout.HeaderLength; _scanner.TryRecord(offset, epoch, out ScannedRecord record); offset += record.AlignedLength)
        {
            epoch = record.Epoch;
            isBegun |= record.Type == RecordType.SnapshotBegin;
            if (record.Type == RecordType.SnapshotEnd && isBegun)
                return true;
        }
        return false;
    }

    /// <summary>Feeds all records to the visitor and finds the end.</summary>
    internal void Run<TVisitor>(ref TVisitor visitor)
        where TVisitor : IRecoveryVisitor
    {
        int index = First;
        long end;
        while (true)
        {
            FoundSegment segment = _folder.Segments[index];
            if (index == First)
                ReadAhead(index + 1);
            ReadAhead(index + 2);
            end = ScanSegment(segment, ref visitor);
            if (end != (segment.Id + 1) * _size)
                break;
            if (index + 1 == _folder.Segments.Count)
            {
                index++;
                break;
            }
            if (_folder.Segments[index + 1].Id != segment.Id + 1)
                throw Missing(segment.Id + 1);
            index++;
        }
        Last = index;
        End = end;
        CheckNewer();
        CheckCompressed(index, end);
        if (index == _folder.Segments.Count && RecordTypes.FillsOnlyBeforeAnother(_lastType))
            throw Missing(_folder.Segments[^1].Id + 1);
        SweepRest(index, end);
        CheckBase(end);
    }

    private void CheckNewer()
    {
        if (_scanner.NewerPosition >= 0)
            throw JournalFolder.NewerRecord(_folder.Storage.Location, _scanner.NewerPosition, _size);
    }

    /// <summary>A compressed segment was on the disk whole, and some others after it were there: the journal does not end before them.</summary>
    private void CheckCompressed(int index, long end)
    {
        int last = _folder.Segments.FindLastIndex(segment => segment.IsCompressed);
        if (last >= index)
            throw Damaged(index, end, (_folder.Segments[last].Id + 1) * _size);
        if (index == First || !_folder.Segments[index - 1].IsCompressed)
            return;
        if (index == _folder.Segments.Count)
            throw Missing(_folder.Segments[^1].Id + 1);
        if (_folder.Segments[index].Status != HeaderStatus.Valid)
            throw Damaged(index, end, end);
    }

    // A disk gives more where more than one read is under way: of two segments behind the one that is read.
    private void ReadAhead(int index)
    {
        if (index < _folder.Segments.Count)
            _folder.Segments[index].File.ReadAhead();
    }

    /// <returns>Position after the last valid record of the segment; its base when the header is not valid.</returns>
    private long ScanSegment<TVisitor>(FoundSegment segment, ref TVisitor visitor)
        where TVisitor : IRecoveryVisitor
    {
        long start = segment.Id * _size;
        if (segment.Status != HeaderStatus.Valid)
            return start;
        _scanner.Begin(segment.File, segment.Id);
        _epoch = Math.Max(_epoch, segment.Header.Epoch);
        int offset = SegmentLayout.HeaderLength;
        bool onlyMarkers = true;
        while (_scanner.TryRecord(offset, _epoch, out ScannedRecord record))
        {
            _epoch = record.Epoch;
            _lastType = record.Type;
            MaxEpoch = Math.Max(MaxEpoch, _epoch);
            EndsClean = false;
            if (record.Marker is { } marker)
            {
                LastMarker = marker;
                EndsClean = (marker.Flags & MarkerFlags.Clean) != 0;
            }
            else if (record.Type is not (RecordType.Pad or RecordType.Marker))
            {
                if (record.Type == RecordType.SnapshotBegin)
                    _snapshotSegment = onlyMarkers ? segment : null;
                onlyMarkers = false;
                if (record.Type == RecordType.Group)
                {
                    var group = new GroupReader(record.Body, start + offset);
                    for (; group.Read(); Records++)
                        visitor.OnRecord(group.Type, group.StreamId, group.Position, record.Epoch, group.Body);
                }
                else
                {
                    visitor.OnRecord(record.Type, record.StreamId, start + offset, record.Epoch, record.Body);
                    Records++;
                }
            }
            Bytes += record.AlignedLength;
            offset += record.AlignedLength;
            if (record.Type == RecordType.SnapshotEnd && _snapshotSegment != null)
            {
                _snapshotSegment.HasSnapshot = true;
                _snapshotSegment.SnapshotEnd = start + offset;
                _snapshotSegment = null;
            }
        }
        return start + offset;
    }

    /// <summary>Torn tail or damage? A marker after the end that knows of something durable beyond it proves damage.</summary>
    private void SweepRest(int index, long end)
    {
        for (int i = index; i < _folder.Segments.Count; i++)
        {
            FoundSegment segment = _folder.Segments[i];
            int offset = i == index ? Math.Max((int)(end - segment.Id * _size), SegmentLayout.HeaderLength) : SegmentLayout.HeaderLength;
            if (offset >= _size)
                continue;
            if (i > First && i > index && segment.Id != _folder.Segments[i - 1].Id + 1)
                throw Missing(_folder.Segments[i - 1].Id + 1);
            _scanner.Begin(segment.File, segment.Id);
            SweepResult rest = _scanner.Sweep(offset);
            CheckNewer();
            MaxEpoch = Math.Max(MaxEpoch, rest.MaxEpoch);
            if (rest.MaxDurable > end)
                throw Damaged(index, end, rest.MaxDurable);
            TornBytes += rest.TraceEnd - offset;
        }
    }

    /// <summary>The first segment must tell the whole state: it is the one that the newest marker names, and number 0 or one with a whole snapshot.</summary>
    /// <remarks>After the search for damage, which is the better answer where both are true.</remarks>
    private void CheckBase(long end)
    {
        FoundSegment first = _folder.Segments[First];
        if (end == first.Id * _size)
            throw Damaged(First, end, end + SegmentLayout.HeaderLength);
        if (_missing >= 0)
            throw Missing(_missing);
        if (first.Id != 0 && !first.HasSnapshot)
            throw Missing(first.Id - 1);
    }

    private JournalException Missing(long id)
    {
        string name = JournalFiles.Segment(id);
        return new JournalException(
            JournalError.MissingSegment,
            $"{name} is missing in {_folder.Storage.Location}: the positions from {id * _size} on are needed. Put the file back; without it messages that were confirmed would be lost.")
        {
            Position = id * _size,
            FileName = name,
        };
    }

    private JournalException Damaged(int index, long end, long durable)
    {
        string name = index < _folder.Segments.Count ? _folder.Segments[index].File.Name : JournalFiles.Segment(end / _size);
        return new JournalException(
            JournalError.Damaged,
            $"{name} in {_folder.Storage.Location} is damaged at position {end} (offset {end % _size}): what stands there is not what was written, and everything up to position " +
            $"{durable} at least was on disk. Nothing was changed. Restore the file from a copy, or see what is lost with 'lowlatency journal verify'.")
        {
            Position = end,
            FileName = name,
        };
    }
}
