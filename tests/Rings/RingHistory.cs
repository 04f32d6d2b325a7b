using LowLatency.Core.Rings;

namespace LowLatency.Tests.Rings;

/// <summary>What happened to a ring in one run, checked against a sequential queue.</summary>
/// <remarks>
/// With records all different, a queue is linearizable when: nothing comes out that was not put in, nothing comes twice or is lost, what was
/// committed before another claim began comes out before it, and a poll finds nothing only when nothing was ready.
/// </remarks>
internal sealed class RingHistory
{
    private readonly Dictionary<long, (int Began, int Committed)> _written = [];
    private readonly List<long> _read = [];
    private int _time;
    private int _open;

    internal int Read => _read.Count;

    internal int Begin()
    {
        _open++;
        return ++_time;
    }

    /// <param name="value">The record; -1 when it was aborted or refused.</param>
    /// <param name="began">From <see cref="Begin"/>.</param>
    internal void End(long value, int began)
    {
        _open--;
        if (value >= 0)
            _written.Add(value, (began, ++_time));
    }

    /// <summary>Whether the next poll must find something: records are ready and none is being written.</summary>
    internal bool MustFind() => _open == 0 && _written.Count > _read.Count;

    internal void OnRead(long value) => _read.Add(value);

    /// <summary>After the last poll.</summary>
    internal void Check()
    {
        if (_read.Count != _read.Distinct().Count())
            throw new InvalidOperationException($"A record came twice: {Text()}.");
        if (!_read.ToHashSet().SetEquals(_written.Keys))
            throw new InvalidOperationException($"Committed {string.Join(' ', _written.Keys)}, read {Text()}.");
        for (int later = 1; later < _read.Count; later++)
        {
            for (int earlier = 0; earlier < later; earlier++)
            {
                if (_written[_read[later]].Committed < _written[_read[earlier]].Began)
                    throw new InvalidOperationException($"Out of order: {Text()}.");
            }
        }
    }

    private string Text() => string.Join(' ', _read);
}

/// <summary>Reads records of one or two words that all hold the same value, word by word, as slowly as the schedule likes.</summary>
internal readonly unsafe struct HistoryReader(RingHistory history) : IRecordHandler
{
    public bool OnRecord(int type, ReadOnlySpan<byte> body)
    {
        if (body.Length is not (8 or 16))
            throw new InvalidOperationException($"A record of {body.Length} bytes was never written.");
        fixed (byte* words = body)
        {
            long value = ExploredMemory.ReadAcquire((long*)words);
            if (body.Length == 16 && ExploredMemory.ReadAcquire((long*)words + 1) != value)
                throw new InvalidOperationException("Torn record.");
            if (type != (int)value + 1)
                throw new InvalidOperationException($"Record {value} has type {type}.");
            history.OnRead(value);
        }
        return true;
    }
}
