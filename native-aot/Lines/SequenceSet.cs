namespace LowLatency.Server.Lines;

/// <summary>A set of sequences, kept as runs. A million that came in order are one run.</summary>
/// <remarks>One thread. Adding at the end of the last run, the usual case, is constant time and allocates nothing.</remarks>
internal sealed class SequenceSet
{
    private ulong[] _first = new ulong[16];
    private ulong[] _last = new ulong[16];

    /// <summary>Number of runs.</summary>
    internal int RunCount { get; private set; }

    /// <summary>Adds one sequence.</summary>
    /// <returns>False: it was in the set.</returns>
    internal bool Add(ulong sequence)
    {
        int last = RunCount - 1;
        if (last >= 0 && sequence == _last[last] + 1)
        {
            _last[last] = sequence;
            return true;
        }
        return Insert(sequence);
    }

    internal bool Contains(ulong sequence)
    {
        int run = RunAtOrBefore(sequence);
        return run >= 0 && sequence <= _last[run];
    }

    private bool Insert(ulong sequence)
    {
        int before = RunAtOrBefore(sequence);
        if (before >= 0 && sequence <= _last[before])
            return false;
        int after = before + 1;
        bool joinsBefore = before >= 0 && _last[before] + 1 == sequence;
        bool joinsAfter = after < RunCount && _first[after] == sequence + 1;
        if (joinsBefore && joinsAfter)
        {
            _last[before] = _last[after];
            Remove(after);
        }
        else if (joinsBefore)
        {
            _last[before] = sequence;
        }
        else if (joinsAfter)
        {
            _first[after] = sequence;
        }
        else
        {
            InsertRun(after, sequence);
        }
        return true;
    }

    /// <summary>Index of the last run that begins at or before the sequence; -1 when none does.</summary>
    private int RunAtOrBefore(ulong sequence)
    {
        int index = Array.BinarySearch(_first, 0, RunCount, sequence);
        return index >= 0 ? index : ~index - 1;
    }

    private void InsertRun(int index, ulong sequence)
    {
        if (RunCount == _first.Length)
        {
            Array.Resize(ref _first, RunCount * 2);
            Array.Resize(ref _last, RunCount * 2);
        }
        Array.Copy(_first, index, _first, index + 1, RunCount - index);
        Array.Copy(_last, index, _last, index + 1, RunCount - index);
        _first[index] = sequence;
        _last[index] = sequence;
        RunCount++;
    }

    private void Remove(int index)
    {
        RunCount--;
        Array.Copy(_first, index + 1, _first, index, RunCount - index);
        Array.Copy(_last, index + 1, _last, index, RunCount - index);
    }
}
