namespace LowLatency.Core.Journal;

/// <summary>Brings cold segments into memory, checks them, and lets go of them. The preparer's thread.</summary>
/// <remarks>In steps, so that the segment that is written next is never late for it.</remarks>
internal sealed class SegmentLoader(RecordLog log, SegmentSource source, ReaderRegistry readers)
{
    private const int Chunk = 1024 * 1024;

    /// <summary>Segments that may stay in memory beyond the hot ones until they are compressed.</summary>
    private const int MaxAwaited = 2;

    private long _releasedTo = -1;

    internal SegmentCompressor? Compressor { get; set; }

    /// <summary>One step.</summary>
    /// <returns>0 when there is nothing to do now.</returns>
    internal int DoWork()
    {
        if (log.Slots.Length == 0)
            return 0;
        int work = ReleaseCold() + log.LetGoOfDecompressed(log.SegmentSize, readers);
        LoadSlot? slot = FindWanted();
        return slot == null ? work : work + Load(slot);
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
        if (slot.Before is { } before)
        {
            // What has left the log meanwhile is let go of elsewhere.
            if (Find(slot.BeforeIndex) == before && before.Slot == null && before.Index < log.FirstHotIndex)
                source.TryRelease(before);
            slot.Before = null;
        }
        Segment segment = slot.Segment!;
        if (Find(slot.Index) != segment)
        {
            log.EndLoad(slot, LoadState.Gone);
            return 1;
        }
        int length = Math.Min(Chunk, segment.Length - slot.LoadedTo);
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

    /// <summary>Lets go of segments that are no longer hot, the oldest first, as far as they are on the disk.</summary>
    private int ReleaseCold()
    {
        if (log.Active == null)
            return 0;
        long end = log.FirstHotIndex;
        if (Compressor is { } compressor && compressor.Awaits(end - 1))
            end = Math.Max(compressor.NextIndex, end - MaxAwaited);
        if (_releasedTo < 0)
            _releasedTo = Math.Min(end, log.OldestIndex);
        int count = 0;
        for (; _releasedTo < end; _releasedTo++)
        {
            Segment? segment = Find(_releasedTo);
            if (segment == null || segment.Slot != null)
                continue;
            if (!source.TryRelease(segment))
                break;
            count++;
        }
        return count;
    }

    private Segment? Find(long index) => log.FindSegment(index * log.SegmentSize);
}
