namespace LowLatency.Core.Journal;

/// <summary>Brings cold segments into memory, checks them, and lets go of them. The preparer's thread.</summary>
/// <remarks>In steps, so that the segment that is written next is never late for it.</remarks>
internal sealed class SegmentLoader(RecordLog log, SegmentSource source, ReaderRegistry readers)
{
    /// <summary>What the kernel is asked for at once: it may not let another thread have the processor meanwhile.</summary>
    private const int Chunk = 128 * 1024;

    /// <summary>Segments that are read ahead without a rest after one for which somebody came to wait.</summary>
    private const int HurriedSegments = 8;

    /// <summary>Segments that may stay in memory beyond the hot ones until they are compressed.</summary>
    private const int MaxAwaited = 2;

    private long _releasedTo = -1;
    private LoadSlot? _readAhead;
    private int _hurried;

    internal SegmentCompressor? Compressor { get; set; }

    /// <summary>What nobody waits for is read a little at a time, with a rest after each step, so that others have the processor: a queue that is short does not notice.</summary>
    internal bool Rests { get; set; }

    /// <summary>There is more to do, a moment later.</summary>
    internal bool IsResting { get; private set; }

    /// <summary>One step.</summary>
    /// <returns>0 when there is nothing to do now.</returns>
    internal int DoWork()
    {
        IsResting = false;
        if (log.Slots.Length == 0)
            return 0;
        int work = ReleaseCold() + log.LetGoOfDecompressed(log.SegmentSize, readers);
        LoadSlot? slot = FindWanted();
        if (slot == null)
            return work;
        bool isReadAhead = slot.IsReadAhead;
        if (!isReadAhead && slot == _readAhead)
            _hurried = HurriedSegments;
        int loaded = Load(slot);
        _readAhead = isReadAhead && slot.State == LoadState.Wanted ? slot : null;
        IsResting = Rests && _readAhead != null && _hurried == 0;
        if (isReadAhead && _readAhead == null && _hurried > 0)
            _hurried--;
        return IsResting ? work : work + loaded;
    }

    private LoadSlot? FindWanted()
    {
        LoadSlot? first = null;
        foreach (LoadSlot slot in log.Slots)
        {
            if (slot.State != LoadState.Wanted)
                continue;
            if (first == null || (first.IsReadAhead && !slot.IsReadAhead) || (first.IsReadAhead == slot.IsReadAhead && slot.Ticket < first.Ticket))
                first = slot;
        }
        return first;
    }

    private int Load(LoadSlot slot)
    {
        Segment segment = slot.Segment!;
        int length = Math.Min(Chunk, segment.Length - slot.LoadedTo);
        if (Find(slot.Index) != segment)
        {
            LetGoOfBefore(slot, segment.Length - slot.LoadedTo);
            log.EndLoad(slot, LoadState.Gone);
            return 1;
        }
        LetGoOfBefore(slot, length);
        int error = source.Load(segment, slot.LoadedTo, length);
        if (error == Errno.Again)
            return 0; // With the next step.
        if (error != 0)
        {
            string text = error == Errno.BadMessage
                ? $"The journal is damaged between positions {segment.Base + slot.LoadedTo} and {segment.Base + slot.LoadedTo + length}: what stands there is not what was written. It takes nothing more; stop the broker and see what is lost with 'lowlatency journal verify'."
                : $"Reading the segment at position {segment.Base} failed (errno {error}). The journal takes nothing more; restart the broker when the disk is well.";
            log.Fail(text);
            log.EndLoad(slot, LoadState.Unreadable);
            return 1;
        }
        slot.LoadedTo += length;
        int checkedTo = slot.CheckedTo;
        bool isSound = RecordLog.CheckRecords(segment, ref checkedTo, slot.LoadedTo);
        slot.CheckedTo = checkedTo;
        if (!isSound)
        {
            log.Fail($"The journal is damaged at position {segment.Base + checkedTo}: what stands there is not what was written. It takes nothing more; stop the broker and see what is lost with 'lowlatency journal verify'.");
            log.EndLoad(slot, LoadState.Unreadable);
        }
        else if (slot.LoadedTo == segment.Length)
        {
            segment.PopulatedTo = segment.Length;
            log.EndLoad(slot, LoadState.Loaded);
        }
        return 1;
    }

    /// <summary>As much of what was in the slot before as is loaded now.</summary>
    private void LetGoOfBefore(LoadSlot slot, int length)
    {
        // What has left the log meanwhile is let go of elsewhere.
        if (slot.Before is { } before && Find(slot.BeforeIndex) == before && before.Slot == null && before.Index < log.FirstHotIndex)
            source.TryRelease(before, slot.LoadedTo, length);
        else
            slot.Before = null;
        if (slot.LoadedTo + length == slot.Segment!.Length)
            slot.Before = null;
    }

    /// <summary>Lets go of segments that are no longer hot, the oldest first, as far as they are on the disk.</summary>
    private int ReleaseCold()
    {
        if (log.Active == null)
            return 0;
        long end = log.FirstHotIndex;
        if (Compressor is { } compressor && compressor.Awaits(end - 1))
            end = Math.Max(compressor.NextIndex, end - MaxAwaited);
        if (_releasedTo < 0)
            _releasedTo = Math.Min(end, log.OldestIndex) * log.SegmentSize;
        while (_releasedTo < end * log.SegmentSize)
        {
            long index = _releasedTo / log.SegmentSize;
            int offset = (int)(_releasedTo % log.SegmentSize);
            if (Find(index) is not { Slot: null } segment)
            {
                _releasedTo = (index + 1) * log.SegmentSize;
                continue;
            }
            int length = Math.Min(Chunk, log.SegmentSize - offset);
            if (!source.TryRelease(segment, offset, length))
                return 0;
            _releasedTo += length;
            return 1;
        }
        return 0;
    }

    private Segment? Find(long index) => log.FindSegment(index * log.SegmentSize);
}
