using System.Runtime.InteropServices;

namespace LowLatency.Core.Journal;

/// <summary>Segments in files: made, recycled and retired by the rules of docs/journal.md.</summary>
/// <remarks>
/// A file gets its final name only when its header for that segment is on disk, and loses it before its content may change:
/// a crash in between leaves a spare, which holds nothing. Each change of a name is synced by itself.
/// </remarks>
internal sealed unsafe class FileSegmentSource : SegmentSource
{
    /// <summary>Touched before a new segment can be used; the rest follows in the background.</summary>
    internal const int FirstPopulate = 1024 * 1024;

    /// <summary>How often the preparer looks at the free space when it prepares nothing: publishers go on within a second.</summary>
    private const int LookIntervalMs = 250;

    private readonly IJournalStorage _storage;
    private readonly SegmentHeader _identity;
    private readonly int _maxSpares;
    private readonly long _minFreeBytes;
    private readonly long _highMark;
    private readonly List<Spare> _spares = [];
    private FlusherAgent? _flusher;
    private long _nextSpare;
    private long _nextLookMs;
    private long _missingBytes;
    private DiskSpace? _space;

    /// <param name="storage">The folder.</param>
    /// <param name="identity">Journal id, broker id, size and epoch of the segments to make.</param>
    /// <param name="options">Limits.</param>
    internal FileSegmentSource(IJournalStorage storage, in SegmentHeader identity, JournalOptions options)
    {
        _storage = storage;
        _identity = identity;
        _maxSpares = options.MaxSpares;
        _minFreeBytes = options.MinFreeBytes;
        _highMark = options.HighMarkBytes ?? DiskSpace.DefaultHighMark(storage.TotalBytes, identity.Size);
    }

    internal override int PopulateAhead => int.MaxValue;

    /// <summary>The room on the disk when it was looked at last, or when it was low last; null while it never was. Any thread.</summary>
    internal DiskSpace? Space => Volatile.Read(ref _space);

    internal int SpareCount => _spares.Count;

    internal override long MissingBytes => _missingBytes;

    /// <summary>Who knows what is durable. Set once.</summary>
    internal void Attach(FlusherAgent flusher) => _flusher = flusher;

    /// <summary>A spare file that was there at start. Those too many, or of another length, are removed.</summary>
    internal void AddFound(string name, long number)
    {
        _nextSpare = Math.Max(_nextSpare, number + 1);
        if (_spares.Count < _maxSpares)
            _spares.Add(new Spare(name, null));
        else
            _storage.Delete(name);
    }

    internal override bool LookAtSpace()
    {
        long nowMs = Environment.TickCount64;
        if (_highMark == 0 || nowMs < _nextLookMs)
            return false;
        _nextLookMs = nowMs + LookIntervalMs;
        long free;
        try
        {
            // Spares are used before anything new is made.
            free = _storage.FreeBytes + (long)_spares.Count * _identity.Size;
        }
        catch (StorageException)
        {
            return false; // What cannot be asked now has not changed as far as is known.
        }
        bool wasLow = _space is { IsLow: true };
        bool isLow = free < (wasLow ? _highMark + _identity.Size : _highMark);
        // While it is low each new number counts: publications that are opened are told it.
        if (isLow == wasLow && (!isLow || free == _space!.FreeBytes))
            return false;
        Volatile.Write(ref _space, new DiskSpace(isLow, free, _highMark));
        return isLow != wasLow;
    }

    /// <summary>A name that no file had yet. Any thread.</summary>
    internal string NextSpareName() => JournalFiles.Spare(Interlocked.Increment(ref _nextSpare) - 1);

    internal override Segment? TryPrepare(long index, out string failure)
    {
        Segment? segment = null;
        failure = "";
        _missingBytes = _identity.Size; // Unless it is known better.
        _nextLookMs = 0; // What it takes, or why there is none.
        try
        {
            segment = TakeSpare() ?? MakeNew(out failure);
            if (segment == null)
                return null;
        }
        catch (StorageException error) when (error.ErrorNumber != Errno.InputOutput)
        {
            failure = $"No new segment: {error.Message} Free space in {_storage.Location}; the broker goes on by itself.";
            return null;
        }
        WriteHeader(segment, index);
        try
        {
            _storage.Rename(segment.File!, JournalFiles.Segment(index));
        }
        catch (StorageException error) when (error.IsNoSpace)
        {
            failure = error.Message;
            _spares.Add(new Spare(segment.File!.Name, segment));
            return null;
        }
        _storage.SyncDirectory();
        return segment;
    }

    internal override bool IsReusable(Segment segment) => _flusher!.DurablePosition >= segment.RetireAfter;

    internal override void Recycle(Segment segment)
    {
        _nextLookMs = 0;
        if (segment.Replacement != null)
        {
            _storage.Replace(segment.Replacement, segment.File!.Name);
            _storage.SyncDirectory();
            segment.File.Dispose();
            return;
        }
        if (_spares.Count < _maxSpares && segment.Compressed == null)
        {
            _storage.Rename(segment.File!, NextSpareName());
            _storage.SyncDirectory();
            _spares.Add(new Spare(segment.File!.Name, segment));
            return;
        }
        // Never shortened: unmapped, closed, removed.
        segment.File!.Dispose();
        _storage.Delete(segment.File.Name);
        _storage.SyncDirectory();
    }

    internal override int Populate(Segment segment, int offset, int length) => segment.File!.Populate(offset, length, writeOut: true);

    internal override int Load(Segment segment, int offset, int length) => segment.File!.Load(offset, length);

    internal override bool TryRelease(Segment segment, int offset, int length)
    {
        if (_flusher!.DurablePosition < segment.Base + segment.Length)
            return false;
        segment.File!.Release(offset, length);
        segment.PopulatedTo = 0; // Who writes it again does not find its pages.
        return true;
    }

    /// <summary>Whether a segment is on the disk, and there is room for it a second time. Compressor.</summary>
    internal bool CanReplace(Segment segment) =>
        _flusher!.DurablePosition >= segment.Base + segment.Length && _storage.FreeBytes - _identity.Size >= _minFreeBytes;

    /// <summary>Closes the spare files. The preparer has ended.</summary>
    internal void DisposeSpares()
    {
        foreach (Spare spare in _spares)
            spare.Segment?.File?.Dispose();
        _spares.Clear();
    }

    private Segment? TakeSpare()
    {
        while (_spares.Count > 0)
        {
            Spare spare = _spares[^1];
            _spares.RemoveAt(_spares.Count - 1);
            if (spare.Segment != null)
                return spare.Segment;
            SegmentFile file = _storage.Open(spare.Name, readOnly: false);
            if (file.FileLength == _identity.Size)
            {
                file.Map(_identity.Size);
                return Wrap(file, populatedTo: 0);
            }
            // What a crash left of a file in the making.
            file.Dispose();
            _storage.Delete(spare.Name);
        }
        return null;
    }

    private Segment? MakeNew(out string failure)
    {
        failure = "";
        long free = _storage.FreeBytes;
        if (free - _identity.Size < _minFreeBytes)
        {
            _missingBytes = _minFreeBytes + _identity.Size - free;
            failure = $"{ByteText.Of(free)} are free in {_storage.Location}, and a new segment of {ByteText.Of(_identity.Size)} must leave " +
                $"{ByteText.Of(_minFreeBytes)}. Free some space; the broker goes on by itself.";
            return null;
        }
        SegmentFile file = _storage.Create(NextSpareName(), _identity.Size);
        try
        {
            int first = Math.Min(FirstPopulate, _identity.Size);
            Check(file.Populate(0, first, writeOut: false), "Preparing", file);
            Check(file.Sync(), "Sync", file);
            return Wrap(file, first);
        }
        catch (StorageException)
        {
            file.Dispose();
            _storage.Delete(file.Name);
            throw;
        }
    }

    private static Segment Wrap(SegmentFile file, int populatedTo) =>
        new() { File = file, Memory = file.Memory, Length = (int)file.FileLength, PopulatedTo = populatedTo };

    private void WriteHeader(Segment segment, long index)
    {
        byte* pages = stackalloc byte[2 * SegmentLayout.HeaderLength];
        SegmentLayout.Write(pages, new SegmentHeader
        {
            JournalId = _identity.JournalId,
            BrokerId = _identity.BrokerId,
            Size = _identity.Size,
            Epoch = _identity.Epoch,
            SegmentId = index,
        });
        // The second page is zero, so that a recycled segment looks empty to the eye. What makes old records invalid is position, seed and epoch.
        NativeMemory.Clear(pages + SegmentLayout.HeaderLength, SegmentLayout.HeaderLength);
        // Only these: the pages of a segment that was retired before it was ever synced need not be written, nor be protected again from writing.
        Check(segment.File!.WriteThrough(0, pages, 2 * SegmentLayout.HeaderLength), "Writing", segment.File!);
        segment.Reset(index, RecordLayout.Seed(_identity.JournalId, index));
    }

    private void Check(int error, string operation, SegmentFile file)
    {
        if (error != 0)
            throw NativeFile.Failure(error, operation, Path.Combine(_storage.Location, file.Name));
    }

    private readonly record struct Spare(string Name, Segment? Segment);
}
