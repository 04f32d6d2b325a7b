namespace LowLatency.Core.Journal;

/// <content>What the owner of the records needs to empty a segment in which few are live: it appends them anew and releases the old ones.</content>
internal sealed unsafe partial class RecordLog
{
    /// <summary>Segments behind the active one. Engine thread.</summary>
    internal long ClosedSegments => _active!.Index - _oldestIndex;

    /// <summary>Closed segments take more than 7/4 of what is live, and one more: time to empty the oldest. Engine thread.</summary>
    internal bool HasMuchDead => (ClosedSegments - 1) * _segmentSize > LiveBytes + LiveBytes / 4 * 3;

    /// <summary>The oldest closed segment with a reference; <c>null</c> when there is none. Engine thread.</summary>
    internal Segment? FindOldestInUse()
    {
        for (long index = _oldestIndex; index < _active!.Index; index++)
        {
            Segment segment = _table.Find(index)!;
            if (segment.References > 0)
                return segment;
        }
        return null;
    }

    /// <summary>Checks the records of a closed segment up to an offset. Any thread, while the segment is there.</summary>
    /// <param name="offset">Where to begin, at a record; 0 for the first. Where it ended: at the first that is not as it was written, or not whole by then.</param>
    /// <param name="end">How far the segment is in memory.</param>
    /// <returns>False: there is damage at <paramref name="offset"/>.</returns>
    /// <remarks>A record that is appended anew gets a new checksum: it must not vouch for damage to the old one.</remarks>
    internal static bool CheckRecords(Segment segment, ref int offset, int end)
    {
        offset = Math.Max(offset, SegmentLayout.HeaderLength);
        while (offset <= end - RecordLayout.HeaderLength)
        {
            byte* header = segment.Memory + offset;
            uint length = *(uint*)header;
            if (length < RecordLayout.HeaderLength || length > (uint)(segment.Length - offset)
                || *(long*)(header + RecordLayout.Position) != segment.Base + offset
                || *(uint*)(header + RecordLayout.HeaderCrc) != RecordLayout.ComputeHeaderCrc(header, length, segment.Seed))
                return false;
            int aligned = RecordLayout.AlignedLength((int)length - RecordLayout.HeaderLength);
            if (aligned > end - offset)
                return true;
            if (RecordLayout.TypeOf(header) != RecordType.Pad
                && *(uint*)(header + RecordLayout.BodyCrc) != RecordLayout.ComputeBodyCrc(header + RecordLayout.HeaderLength, aligned - RecordLayout.HeaderLength))
                return false;
            offset += aligned;
        }
        return true;
    }

    /// <summary>Where records of any log were moved to in this one. Written by the engine thread.</summary>
    internal ForwardTable Forwards { get; } = new();

    /// <summary>From now on who asks for <paramref name="source"/> is led to <paramref name="target"/>, which is in this log. Engine thread.</summary>
    internal void AddForward(long source, long target) => Forwards.Add(source, target, target >> _shift);
}
