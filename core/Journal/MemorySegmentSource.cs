namespace LowLatency.Core.Journal;

/// <summary>Segments of anonymous memory, up to a limit, for messages that need not outlive the process.</summary>
internal sealed unsafe class MemorySegmentSource : SegmentSource
{
    private readonly int _segmentSize;
    private readonly long _maxBytes;
    private readonly int _maxSpares;
    private readonly Stack<Segment> _spares = new();
    private readonly List<nint> _blocks = [];

    internal MemorySegmentSource(int segmentSize, long maxBytes, int maxSpares)
    {
        _segmentSize = segmentSize;
        _maxBytes = maxBytes;
        _maxSpares = maxSpares;
    }

    /// <summary>Little: untouched memory costs nothing, and an idle broker should be small.</summary>
    internal override int PopulateAhead => RecordLog.PopulateWindow;

    /// <summary>Bytes taken from the system.</summary>
    internal long Allocated => (long)_blocks.Count * _segmentSize;

    internal override Segment? TryPrepare(long index, out string failure)
    {
        failure = "";
        if (!_spares.TryPop(out Segment? segment))
        {
            if (Allocated + _segmentSize > _maxBytes)
            {
                failure = $"Transient messages have all the memory allowed to them ({_maxBytes / (1024 * 1024)} MiB). Consume some, or raise the limit.";
                return null;
            }
            void* memory = NativeFile.Map(null, (nuint)_segmentSize, NativeFile.ProtectionReadWrite, NativeFile.MapPrivateAnonymous, -1, 0);
            if ((nint)memory == -1)
            {
                failure = $"The system gave no memory for transient messages: {NativeFile.Failure("Mapping", "anonymous memory").Message}";
                return null;
            }
            // A fault for 2 MiB costs little more than one for 4 KiB. Where the system has no such pages it stays as it is.
            _ = NativeFile.AdviseMemory(memory, (nuint)_segmentSize, NativeFile.AdviceHugePages);
            _blocks.Add((nint)memory);
            segment = new Segment { Memory = (byte*)memory, Length = _segmentSize };
        }
        segment.Reset(index, 0);
        return segment;
    }

    internal override bool IsReusable(Segment segment) => true;

    internal override void Recycle(Segment segment)
    {
        if (_spares.Count < _maxSpares)
        {
            _spares.Push(segment);
            return;
        }
        _blocks.Remove((nint)segment.Memory);
        _ = NativeFile.Unmap(segment.Memory, (nuint)_segmentSize);
    }

    internal override int Populate(Segment segment, int offset, int length)
    {
        // Only to spare the engine the page faults: where it does not work they happen there.
        _ = NativeFile.AdviseMemory(segment.Memory + offset, (nuint)length, NativeFile.AdvicePopulateWrite);
        return 0;
    }

    // Memory is all that there is of these.
    internal override int Load(Segment segment, int offset, int length) => 0;

    internal override bool TryRelease(Segment segment, int offset, int length) => true;

    /// <summary>Gives all memory back. Nobody may use a segment any more.</summary>
    internal void FreeAll()
    {
        foreach (nint block in _blocks)
            _ = NativeFile.Unmap((void*)block, (nuint)_segmentSize);
        _blocks.Clear();
        _spares.Clear();
    }
}
