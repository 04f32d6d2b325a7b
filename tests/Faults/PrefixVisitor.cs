using LowLatency.Core.Journal;
using LowLatency.Tests.Journals;

namespace LowLatency.Tests.Faults;

/// <summary>Holds what recovery feeds to what was appended, record by record; keeps nothing.</summary>
/// <param name="expected">What was appended, oldest first.</param>
internal struct PrefixVisitor(List<KnownRecord> expected) : IRecoveryVisitor
{
    private int _next = -1;

    /// <summary>Records that came.</summary>
    internal int Count { get; private set; }

    /// <summary>Index of the first that came; where none came, 0.</summary>
    internal int First { get; private set; }

    /// <summary>What is wrong; null when nothing is.</summary>
    internal string? Wrong { get; private set; }

    public void OnRecord(RecordType type, uint streamId, long position, uint epoch, ReadOnlySpan<byte> body)
    {
        if (_next < 0)
            First = _next = Find(position);
        Count++;
        if (Wrong != null)
            return;
        if (_next >= expected.Count)
        {
            Wrong = $"invented: a record of type {type} at {position}, after the last that was appended";
            return;
        }
        KnownRecord known = expected[_next++];
        if (known.Position != position)
            Wrong = $"lost or reordered: at {position} where {known.Position} should follow";
        else if (known.Type != type || known.StreamId != streamId || !body.SequenceEqual(known.Body))
            Wrong = $"invented: other bytes at {position}";
    }

    private readonly int Find(long position)
    {
        int low = 0;
        int high = expected.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (expected[middle].Position < position)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}
