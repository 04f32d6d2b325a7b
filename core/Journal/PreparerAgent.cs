using LowLatency.Core.Agents;

namespace LowLatency.Core.Journal;

/// <summary>Keeps the next segment of a log ready, touches pages ahead of its writer, takes retired segments back, and loads cold ones.</summary>
/// <remarks>Blocks in the kernel: it has a thread of its own, shared at most with another preparer. A simulator steps <see cref="DoWork"/> instead.</remarks>
internal sealed class PreparerAgent : IAgent
{
    private const int PopulateChunk = 1024 * 1024;
    private const int RestMs = 1;

    private readonly RecordLog _log;
    private readonly SegmentSource _source;
    private readonly ReaderRegistry _readers;
    private readonly SegmentLoader _loader;
    private readonly List<Segment> _retired = [];

    internal PreparerAgent(string name, RecordLog log, SegmentSource source, ReaderRegistry readers)
    {
        Name = name;
        _log = log;
        _source = source;
        _readers = readers;
        _loader = new SegmentLoader(log, source, readers);
    }

    public string Name { get; }

    /// <summary>Does the compressor's steps, too, when nothing else is to do. Off where it has a thread of its own.</summary>
    internal bool StepsCompressor { get; set; } = true;

    /// <summary>Rests between the parts of what is read ahead. Off where it is stepped.</summary>
    internal bool Rests
    {
        get => _loader.Rests;
        set => _loader.Rests = value;
    }

    /// <summary>Compresses cold segments; <c>null</c>: nobody does. Set before the log is used.</summary>
    internal SegmentCompressor? Compressor
    {
        get => _loader.Compressor;
        init => _loader.Compressor = value;
    }

    /// <summary>Wakes the agent's thread. Set before the log is used; needed only where a thread parks.</summary>
    internal WakeSignal? Wake
    {
        get => _log.PreparerWake;
        set => _log.PreparerWake = value;
    }

    /// <summary>Touch pages ahead of the writer, so that it finds them. Off where a whole broker lives for milliseconds.</summary>
    internal bool TouchesPages { get; set; } = true;

    /// <summary>One step. What waits for a reader or for disk space is tried again with each call, so the thread may park a moment at most.</summary>
    /// <returns>0 when nothing is left to do, or nothing can be done now.</returns>
    public int DoWork()
    {
        if (_log.State == JournalState.Failed)
            return _loader.DoWork(); // What is there is still served.
        try
        {
            int work = TakeBack() + Prepare() + _loader.DoWork() + (TouchesPages ? Populate() : 0);
            if (_source.LookAtSpace())
                _log.OnSpace?.Wake();
            if (work == 0 && StepsCompressor)
                Compressor?.DoWork(); // Not counted: there is always a next segment.
            return work;
        }
        catch (StorageException error)
        {
            _log.Fail(error.Message);
            return 0;
        }
    }

    public int ParkLimitMs(int timeoutMs) => _loader.IsResting ? RestMs : timeoutMs;

    /// <summary>Gives back what it holds. The thread has ended.</summary>
    internal void DisposeSegments()
    {
        Compressor?.Dispose();
        for (Segment? segment = _log.TakeRetired(); segment != null; segment = segment.NextRetired)
            _retired.Add(segment);
        foreach (Segment segment in _retired)
            segment.File?.Dispose();
        _retired.Clear();
    }

    private int TakeBack()
    {
        for (Segment? segment = _log.TakeRetired(); segment != null;)
        {
            Segment? next = segment.NextRetired;
            segment.NextRetired = null;
            _retired.Add(segment);
            segment = next;
        }
        int count = 0;
        // Oldest first, so that after a crash the files that are left follow one another.
        while (_retired.Count > 0)
        {
            int oldest = 0;
            for (int i = 1; i < _retired.Count; i++)
            {
                // Before a segment goes, its compressed file takes its name.
                if (_retired[i].Index < _retired[oldest].Index || (_retired[i].Index == _retired[oldest].Index && _retired[i].Replacement != null))
                    oldest = i;
            }
            Segment segment = _retired[oldest];
            if (!_source.IsReusable(segment) || !segment.Ticket.HasPassed(_readers))
                break;
            _retired.RemoveAt(oldest);
            _source.Recycle(segment);
            count++;
        }
        return count;
    }

    private int Prepare()
    {
        Segment? active = _log.Active;
        if (active == null || _log.Next != null)
            return 0;
        // Acquire of Next before: the engine makes the next segment active, then clears Next.
        long index = _log.Active!.Index + 1;
        Segment? segment = _source.TryPrepare(index, out string failure);
        if (segment == null)
        {
            _log.SetNoSpace(failure, _source.MissingBytes);
            return 0;
        }
        _log.OfferNext(segment);
        return 1;
    }

    /// <summary>One chunk: of the active segment ahead of the writer, else of the next one.</summary>
    private int Populate()
    {
        Segment? active = _log.Active;
        if (active == null)
            return 0;
        int offset = (int)(_log.PublishedTail - active.Base);
        // The writer may have rolled between the two reads: the next call sees it.
        if (offset >= 0 && offset <= active.Length && PopulateFrom(active, offset))
            return 1;
        Segment? next = _log.Next;
        return next != null && _source.PopulateAhead > next.Length && PopulateFrom(next, 0) ? 1 : 0;
    }

    private bool PopulateFrom(Segment segment, int offset)
    {
        int from = Math.Max(segment.PopulatedTo, offset & ~(PopulateChunk - 1));
        if (from >= segment.Length || from - offset >= _source.PopulateAhead)
            return false;
        int length = Math.Min(PopulateChunk, segment.Length - from);
        int error = _source.Populate(segment, from, length);
        if (error != 0)
            _log.Fail($"Preparing the segment at position {segment.Base} failed (errno {error}). The journal takes nothing more; restart the broker when the disk is well.");
        segment.PopulatedTo = from + length;
        return error == 0;
    }
}
