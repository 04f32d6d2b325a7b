using System.Runtime.CompilerServices;

namespace LowLatency.Core.Journal;

/// <content>Segments that are compressed in their files: how they come to be, and how they are read.</content>
/// <remarks>
/// The compressor makes the file and offers it; the engine thread takes it, at a moment at which no slot holds the segment, and the segment reads from it from then on. What it
/// was read from before goes the way of a retired segment: when no reader sees it any more, the new file takes over its name.
/// </remarks>
internal sealed unsafe partial class RecordLog
{
    private readonly List<CompressedSegmentFile> _candidates = [];
    private CompressedOffer? _offer;
    private long _compressedCount;
    private bool _isOpening;

    /// <summary>Compressed segments of which something is in memory.</summary>
    internal DecompressedSegments Decompressed { get; } = new();

    /// <summary>Segments that were compressed, since the start. Any thread.</summary>
    internal long CompressedCount => Volatile.Read(ref _compressedCount);

    /// <summary>An offer was not taken up yet. Any thread.</summary>
    internal bool HasOffer => Volatile.Read(ref _offer) != null;

    /// <summary>Offers a file with the bytes of a segment, compressed and on the disk. Compressor, when <see cref="HasOffer"/> is false.</summary>
    internal void Offer(Segment segment, CompressedSegmentFile file)
    {
        Volatile.Write(ref _offer, new CompressedOffer(segment, file)); // Release: pairs with the acquire in TakeOffer.
        OnSpace?.Wake();
    }

    /// <summary>Takes up what was offered, or gives it back. Changes nothing that anybody sees. Engine thread; cheap when there is nothing.</summary>
    internal void TakeOffer()
    {
        if (Volatile.Read(ref _offer) is not { } offer)
            return;
        Segment segment = offer.Segment;
        CompressedSegmentFile file = offer.File;
        // Who waits for it, or reads it from start to end, has a slot for it.
        bool isWanted = _table.Find(file.SegmentId) == segment && segment.Slot == null && State != JournalState.Failed;
        if (isWanted)
        {
            file.Owner = Decompressed;
            Segment before = segment.ReadFrom(file);
            _table.HideMemory(segment);
            Volatile.Write(ref _compressedCount, _compressedCount + 1);
            GiveBack(before);
        }
        else
        {
            GiveBack(new Segment { File = file, Memory = null, Length = _segmentSize, Index = file.SegmentId });
        }
        Volatile.Write(ref _offer, null);
    }

    /// <summary>The log is in use: from here on it is the preparer who calls <see cref="LetGoOfDecompressed"/>.</summary>
    internal void EndOpening() => _isOpening = false;

    /// <summary>Keeps the memory within bounds that compressed segments have without a slot, for who reads there without asking: what was read longest ago goes. Preparer.</summary>
    /// <param name="most">Bytes that may stay: three segments or more, where readers are not told apart from who calls this.</param>
    /// <returns>Segments that went.</returns>
    internal int LetGoOfDecompressed(long most, ReaderRegistry readers)
    {
        if (Decompressed.Bytes <= most)
            return 0;
        Decompressed.CopyTo(_candidates);
        long left = 0;
        for (int i = _candidates.Count - 1; i >= 0; i--)
        {
            CompressedSegmentFile file = _candidates[i];
            // Not in a slot, and not on its way out of the log with all that it has.
            if (FindSegment(file.SegmentId * _segmentSize) is { Slot: null } segment && segment.File == file)
                left += file.PresentBytes;
            else
                _candidates.RemoveAt(i);
        }
        _candidates.Sort(static (a, b) => a.LastUse.CompareTo(b.LastUse));
        int count = 0;
        foreach (CompressedSegmentFile file in _candidates)
        {
            long bytes = file.PresentBytes;
            if (left <= most || !file.TryLetGo(readers))
                break;
            left -= bytes;
            count++;
        }
        return count;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private byte* RecordInCompressed(long position)
    {
        CompressedSegmentFile? file = FindSegment(position)?.Compressed;
        if (file == null)
            return null;
        if (_isOpening)
            LetGoOfDecompressed((_slots.Length - 1) * (long)_segmentSize, Owner!.Readers);
        byte* record = file.Bring((int)position & (_segmentSize - 1), out int error);
        if (error == 0)
            return record;
        string text = error == Errno.BadMessage
            ? $"The journal is damaged: what stands at position {position} in {file.Name} is not what was written. It takes nothing more; stop the broker and see what is lost with 'lowlatency journal verify'."
            : $"Reading position {position} in {file.Name} failed (errno {error}). The journal takes nothing more; restart the broker when the disk is well.";
        Fail(text);
        throw new JournalException(error == Errno.BadMessage ? JournalError.Damaged : JournalError.StorageFailed, text) { Position = position, FileName = file.Name };
    }

    private sealed record CompressedOffer(Segment Segment, CompressedSegmentFile File);
}
