namespace LowLatency.Core.Journal;

/// <summary>Checks every checksum of a journal. Writes nothing and takes no lock: a broker may be running on it.</summary>
internal sealed class JournalVerifier : IDisposable
{
    // A broker that writes now may have been between two stores when a place was read.
    private const int Rereads = 3;

    private readonly JournalFolder _folder;
    private readonly SegmentScanner _scanner;
    private readonly int _size;
    private readonly List<VerifiedSegment> _segments = [];
    private readonly List<DamagedRange> _gaps = [];
    private long _knownDurable;
    private long _oldest;
    private long _end;
    private long _traceEnd;
    private bool _endsClean;
    private uint _epoch;
    private RecordType _lastType;

    private JournalVerifier(JournalFolder folder)
    {
        _folder = folder;
        SegmentHeader identity = folder.Identity!.Value;
        _size = identity.Size;
        _scanner = new SegmentScanner(identity.JournalId, identity.Size);
    }

    /// <summary>Reads the whole journal.</summary>
    /// <param name="storage">Stays the caller's; not locked.</param>
    /// <param name="progress">Called before each segment; may be <c>null</c>.</param>
    /// <exception cref="JournalException">A newer format, segments of two journals, or a file that cannot be read.</exception>
    internal static VerifyResult Verify(IJournalStorage storage, Action<VerifyProgress>? progress = null)
    {
        try
        {
            using JournalFolder folder = JournalFolder.Read(storage, readOnly: true);
            if (folder.Identity == null)
                return WithoutIdentity(folder);
            using var verifier = new JournalVerifier(folder);
            return verifier.Run(progress);
        }
        catch (StorageException error)
        {
            throw JournalFolder.Unreadable(storage, error);
        }
    }

    public void Dispose() => _scanner.Dispose();

    private static VerifyResult WithoutIdentity(JournalFolder folder)
    {
        bool isEmpty = folder.Segments.TrueForAll(segment => segment.Status == HeaderStatus.Empty);
        return new VerifyResult
        {
            Verdict = isEmpty ? VerifyVerdict.Empty : VerifyVerdict.Damaged,
            UnknownFiles = folder.UnknownFiles,
            Text = isEmpty ? $"There is no journal in {folder.Storage.Location}." : $"No segment in {folder.Storage.Location} has a readable header.",
        };
    }

    private VerifyResult Run(Action<VerifyProgress>? progress)
    {
        _end = _folder.Segments[0].Id * _size;
        for (int i = 0; i < _folder.Segments.Count; i++)
        {
            FoundSegment segment = _folder.Segments[i];
            progress?.Invoke(new VerifyProgress(i + 1, _folder.Segments.Count, segment.File.Name));
            _segments.Add(VerifySegment(segment));
        }
        if (_scanner.NewerPosition >= 0)
            throw JournalFolder.NewerRecord(_folder.Storage.Location, _scanner.NewerPosition, _size);
        return Judge();
    }

    private VerifiedSegment VerifySegment(FoundSegment segment)
    {
        long start = segment.Id * _size;
        _scanner.Begin(segment.File, segment.Id);
        _epoch = Math.Max(_epoch, segment.Header.Epoch);
        long records = 0;
        long bytes = 0;
        uint firstEpoch = 0;
        uint lastEpoch = 0;
        int end = 0;
        int offset = SegmentLayout.HeaderLength;
        if (segment.IsCompressed)
            _knownDurable = Math.Max(_knownDurable, start + _size); // It was on the disk whole.
        if (segment.Status != HeaderStatus.Valid)
            _gaps.Add(new DamagedRange(segment.File.Name, start, SegmentLayout.HeaderLength));
        while (offset < _size)
        {
            if (!TryRecordWithRereads(offset, out ScannedRecord record))
            {
                int next = FindNext(offset);
                // Where the next valid record comes in another segment, or never: whether that is damage shows in the end.
                _gaps.Add(new DamagedRange(segment.File.Name, start + offset, next - offset));
                offset = next;
                continue;
            }
            TakeMarker(record);
            _epoch = record.Epoch;
            _lastType = record.Type;
            firstEpoch = firstEpoch == 0 ? record.Epoch : firstEpoch;
            lastEpoch = record.Epoch;
            records++;
            bytes += record.AlignedLength;
            offset += record.AlignedLength;
            end = offset;
        }
        return new VerifiedSegment
        {
            Id = segment.Id,
            FileName = segment.File.Name,
            Header = segment.Status,
            Base = start,
            Records = records,
            Bytes = bytes,
            FirstEpoch = firstEpoch,
            LastEpoch = lastEpoch,
            End = start + end,
        };
    }

    private bool TryRecordWithRereads(int offset, out ScannedRecord record)
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

    private int FindNext(int offset)
    {
        int next = offset + RecordLayout.Alignment;
        while (next < _size && !_scanner.TryRecord(next, _epoch, out _))
            next += RecordLayout.Alignment;
        // A segment that is prepared for later holds nothing after its header: no trace.
        if (_scanner.Sweep(offset).TraceEnd is var trace && trace > offset)
            _traceEnd = Math.Max(_traceEnd, _scanner.Base + trace);
        return next;
    }

    private void TakeMarker(in ScannedRecord record)
    {
        _endsClean = false;
        if (record.Marker is not { } marker)
            return;
        _knownDurable = Math.Max(_knownDurable, marker.Durable);
        _oldest = Math.Max(_oldest, marker.OldestSegment);
        _endsClean = (marker.Flags & MarkerFlags.Clean) != 0;
    }

    private VerifyResult Judge()
    {
        var damage = _gaps.FindAll(gap => gap.Position < _knownDurable && gap.Position / _size >= _oldest);
        List<long> missing = FindMissing();
        _end = FindEnd();
        // A place that is not a record and not known to be durable ends the journal: what comes after it is a torn tail.
        long torn = _traceEnd > _end ? _traceEnd - _end : 0;
        foreach (VerifiedSegment segment in _segments)
        {
            if (segment.Base > _end && segment.Records > 0)
                torn = Math.Max(torn, segment.End - _end);
        }
        VerifyVerdict verdict = damage.Count > 0 || missing.Count > 0 ? VerifyVerdict.Damaged : torn > 0 ? VerifyVerdict.TornTail : VerifyVerdict.Intact;
        long records = 0;
        long bytes = 0;
        for (int i = 0; i < _segments.Count; i++)
        {
            VerifiedSegment segment = _segments[i];
            records += segment.Records;
            bytes += segment.Bytes;
            _segments[i] = segment with { IsRetired = segment.Id < _oldest, Damage = damage.FindAll(gap => gap.FileName == segment.FileName) };
        }
        return new VerifyResult
        {
            Verdict = verdict,
            Segments = _segments,
            MissingSegments = missing,
            UnknownFiles = _folder.UnknownFiles,
            Records = records,
            Bytes = bytes,
            End = _end,
            KnownDurable = _knownDurable,
            TornTailBytes = torn,
            EndsClean = _endsClean && torn == 0,
            Text = Describe(verdict, damage, missing, records, torn),
        };
    }

    private List<long> FindMissing()
    {
        var missing = new List<long>();
        long expected = _oldest;
        foreach (VerifiedSegment segment in _segments)
        {
            for (; expected < segment.Id; expected++)
                missing.Add(expected);
            expected = Math.Max(expected, segment.Id + 1);
        }
        // A broker that runs may have made it since the folder was read.
        if (RecordTypes.FillsOnlyBeforeAnother(_lastType) && _segments[^1].End == expected * _size && !_folder.Storage.List().Contains(JournalFiles.Segment(expected)))
            missing.Add(expected);
        return missing;
    }

    /// <summary>Position of the first gap that counts; the end of the records when there is none.</summary>
    private long FindEnd()
    {
        foreach (DamagedRange gap in _gaps)
        {
            if (gap.Position / _size >= _oldest)
                return gap.Position;
        }
        return _segments[^1].End;
    }

    private string Describe(VerifyVerdict verdict, List<DamagedRange> damage, List<long> missing, long records, long torn)
    {
        string where = _folder.Storage.Location;
        if (missing.Count > 0)
            return $"Damaged: {JournalFiles.Segment(missing[0])} is missing in {where}{(missing.Count > 1 ? $", and {missing.Count - 1} more" : "")}. Put it back.";
        return verdict switch
        {
            VerifyVerdict.Damaged => $"Damaged: {damage.Count} place(s) in {where} are not as they were written, the first at position {damage[0].Position} in {damage[0].FileName}.",
            VerifyVerdict.TornTail => $"{records} records in {where} are as they were written; {torn} bytes after position {_end} were begun and never confirmed at level disk. The next start cuts them off.",
            _ => $"{records} records in {where} are as they were written.",
        };
    }
}
