using System.Runtime.InteropServices;

namespace LowLatency.Core.Journal;

/// <summary>Reads segments from their files and tells valid records from anything else. For recovery and verification.</summary>
/// <remarks>Reads through <see cref="SegmentFile.Read"/>, never through a map. What the file does not have counts as zero.</remarks>
internal sealed unsafe class SegmentScanner : IDisposable
{
    private const int ReadChunk = 1024 * 1024;

    private readonly ulong _journalId;
    private readonly int _size;
    private readonly byte* _buffer;
    private SegmentFile? _file;
    private int _loaded;
    private uint _seed;

    internal SegmentScanner(ulong journalId, int size)
    {
        _journalId = journalId;
        _size = size;
        _buffer = (byte*)NativeMemory.AlignedAlloc((nuint)size, 4096);
    }

    internal long Base { get; private set; }

    /// <summary>Position of a record that is this journal's and that only a newer broker can have written; -1 when none was met.</summary>
    internal long NewerPosition { get; private set; } = -1;

    /// <summary>Starts with a segment. The file stays the caller's.</summary>
    internal void Begin(SegmentFile file, long segmentId)
    {
        _file = file;
        _loaded = 0;
        Base = segmentId * _size;
        _seed = RecordLayout.Seed(_journalId, segmentId);
    }

    /// <summary>Forgets what was read from <paramref name="offset"/> on: another process may have written more.</summary>
    internal void Reread(int offset) => _loaded = Math.Min(_loaded, offset & ~(RecordLayout.Alignment - 1));

    /// <summary>Whether a whole record, with every checksum right, stands at <paramref name="offset"/>.</summary>
    /// <param name="offset">In the segment, a multiple of 32.</param>
    /// <param name="minEpoch">Epoch of the record before, or of the segment's header: a lower one is left over from an earlier use or a dropped tail.</param>
    /// <param name="record">Valid until <see cref="Begin"/>.</param>
    internal bool TryRecord(int offset, uint minEpoch, out ScannedRecord record)
    {
        record = default;
        if (offset > _size - RecordLayout.HeaderLength)
            return false;
        Load(offset + RecordLayout.HeaderLength);
        byte* header = _buffer + offset;
        if (*(long*)(header + RecordLayout.Position) != Base + offset)
            return false;
        uint length = *(uint*)header;
        if (length < RecordLayout.HeaderLength || length > (uint)(_size - offset))
            return false;
        if (*(uint*)(header + RecordLayout.HeaderCrc) != RecordLayout.ComputeHeaderCrc(header, length, _seed))
            return false;
        uint epoch = *(uint*)(header + RecordLayout.Epoch);
        if (epoch < minEpoch)
            return false;
        RecordType type = RecordLayout.TypeOf(header);
        // Its header is right, so nothing is damaged here. What such a frame holds is not for this code to judge.
        if (*(ushort*)(header + RecordLayout.FlagsAndVersion) != RecordLayout.Version || !RecordTypes.IsKnown(type))
            return IsNewer(offset);
        int bodyLength = (int)length - RecordLayout.HeaderLength;
        int aligned = RecordLayout.AlignedLength(bodyLength);
        if (type == RecordType.Pad)
        {
            if (offset + aligned != _size)
                return false;
        }
        else
        {
            Load(offset + aligned);
            uint crc = RecordLayout.ComputeBodyCrc(header + RecordLayout.HeaderLength, aligned - RecordLayout.HeaderLength);
            if (*(uint*)(header + RecordLayout.BodyCrc) != crc)
                return false;
            if (type == RecordType.Group && !KnowsGroup(header + RecordLayout.HeaderLength, bodyLength, Base + offset))
                return IsNewer(offset);
        }
        record = new ScannedRecord(header, type, epoch, bodyLength, aligned);
        return true;
    }

    /// <summary>Looks at every possible place from <paramref name="offset"/> on for records of this journal.</summary>
    internal SweepResult Sweep(int offset)
    {
        Load(_size);
        var result = new SweepResult { TraceEnd = offset };
        for (int at = offset; at <= _size - RecordLayout.HeaderLength; at += RecordLayout.Alignment)
        {
            byte* header = _buffer + at;
            // Position first: one comparison rules out nearly every place.
            if (*(long*)(header + RecordLayout.Position) != Base + at)
            {
                if (at == offset && IsMisplaced(header, at))
                    result.TraceEnd = at + RecordLayout.HeaderLength;
                continue;
            }
            uint length = *(uint*)header;
            bool isPossible = length >= RecordLayout.HeaderLength && length <= (uint)(_size - at);
            result.TraceEnd = Math.Max(result.TraceEnd, at + (isPossible ? (int)length : RecordLayout.HeaderLength));
            if (!isPossible || !TryRecord(at, 0, out ScannedRecord record))
                continue;
            result.Records++;
            result.MaxEpoch = Math.Max(result.MaxEpoch, record.Epoch);
            if (record.Marker is { } marker)
            {
                result.MaxDurable = Math.Max(result.MaxDurable, marker.Durable);
                result.MaxOldest = Math.Max(result.MaxOldest, marker.OldestSegment);
            }
        }
        return result;
    }

    /// <summary>Reads the first page of any file of a journal.</summary>
    internal static HeaderStatus ReadHeader(SegmentFile file, out SegmentHeader header)
    {
        byte* page = stackalloc byte[SegmentLayout.HeaderLength];
        int read = file.Read(0, page, SegmentLayout.HeaderLength);
        if (read < 0)
            throw NativeFile.Failure(-read, "Reading", file.Name);
        NativeMemory.Clear(page + read, (nuint)(SegmentLayout.HeaderLength - read));
        return SegmentLayout.TryRead(page, out header);
    }

    public void Dispose() => NativeMemory.AlignedFree(_buffer);

    private bool IsNewer(int offset)
    {
        NewerPosition = NewerPosition < 0 ? Base + offset : NewerPosition;
        return false;
    }

    private static bool KnowsGroup(byte* body, int length, long position)
    {
        var group = new GroupReader(new ReadOnlySpan<byte>(body, length), position);
        while (group.Read())
        {
            if (!RecordTypes.IsKnown(group.Type))
                return false;
        }
        return true;
    }

    /// <summary>Whether a header is one that was written for this place, with its position damaged since.</summary>
    private bool IsMisplaced(byte* header, int offset)
    {
        byte* mended = stackalloc byte[RecordLayout.HeaderLength];
        Buffer.MemoryCopy(header, mended, RecordLayout.HeaderLength, RecordLayout.HeaderLength);
        *(long*)(mended + RecordLayout.Position) = Base + offset;
        return *(uint*)(header + RecordLayout.HeaderCrc) == RecordLayout.ComputeHeaderCrc(mended, *(uint*)header, _seed);
    }

    private void Load(int end)
    {
        while (_loaded < end)
        {
            int length = Math.Min(ReadChunk, _size - _loaded);
            int read = _file!.Read(_loaded, _buffer + _loaded, length);
            if (read < 0)
                throw NativeFile.Failure(-read, $"Reading at offset {_loaded}", _file.Name);
            NativeMemory.Clear(_buffer + _loaded + read, (nuint)(length - read));
            _loaded += length;
        }
    }
}

/// <summary>A valid record in a <see cref="SegmentScanner"/>'s buffer.</summary>
internal readonly unsafe struct ScannedRecord
{
    private readonly byte* _header;

    internal ScannedRecord(byte* header, RecordType type, uint epoch, int bodyLength, int alignedLength)
    {
        _header = header;
        Type = type;
        Epoch = epoch;
        BodyLength = bodyLength;
        AlignedLength = alignedLength;
    }

    internal RecordType Type { get; }

    internal uint Epoch { get; }

    internal int BodyLength { get; }

    /// <summary>Bytes to the next record.</summary>
    internal int AlignedLength { get; }

    internal uint StreamId => *(uint*)(_header + RecordLayout.StreamId);

    internal ReadOnlySpan<byte> Body => new(_header + RecordLayout.HeaderLength, BodyLength);

    /// <summary>What it says, when it is a marker.</summary>
    internal Marker? Marker
    {
        get
        {
            if (Type != RecordType.Marker || BodyLength < MarkerLayout.BodyLength)
                return null;
            byte* body = _header + RecordLayout.HeaderLength;
            return new Marker(
                *(long*)(body + MarkerLayout.DurablePosition),
                *(uint*)(body + MarkerLayout.OldestSegment),
                *(MarkerFlags*)(body + MarkerLayout.Flags),
                *(Guid*)(body + MarkerLayout.BootId));
        }
    }
}

/// <summary>The body of a marker.</summary>
internal readonly record struct Marker(long Durable, long OldestSegment, MarkerFlags Flags, Guid BootId);

/// <summary>What <see cref="SegmentScanner.Sweep"/> found.</summary>
internal struct SweepResult
{
    internal long Records { get; set; }

    internal uint MaxEpoch { get; set; }

    /// <summary>Highest durable position of a marker; 0 when there is none.</summary>
    internal long MaxDurable { get; set; }

    internal long MaxOldest { get; set; }

    /// <summary>Offset of the end of the last thing that began as a record here, whole or not; where the sweep began when there is none.</summary>
    internal int TraceEnd { get; set; }
}
