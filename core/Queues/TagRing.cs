using System.Numerics;

namespace LowLatency.Core.Queues;

/// <summary>Unsettled deliveries of a subscription: delivery tag to queue sequence. Engine thread only.</summary>
/// <remarks><c>First &lt;= Next</c>; tags below First are settled, Next is the tag of the next delivery. Bounded by the
/// subscription's credit.</remarks>
internal sealed class TagRing
{
    private const int MinCapacity = 16;

    private long[] _sequences;

    /// <param name="credit">What the subscription begins with: room for so many is bought now, not while messages flow.</param>
    internal TagRing(uint credit) => _sequences = new long[BitOperations.RoundUpToPowerOf2(Math.Clamp(credit, MinCapacity, MaxSpan))];

    /// <summary>Lowest tag that may be unsettled.</summary>
    internal ulong First { get; private set; } = 1;

    internal ulong Next { get; private set; } = 1;

    internal int UnsettledCount { get; private set; }

    internal ulong Add(long sequence)
    {
        if (Next - First == (ulong)_sequences.Length)
            Grow();
        _sequences[Next & (ulong)(_sequences.Length - 1)] = sequence;
        UnsettledCount++;
        return Next++;
    }

    /// <summary>A tag that nothing has to be settled for. Only in a ring that holds nothing else.</summary>
    internal ulong AddSettled()
    {
        First++;
        return Next++;
    }

    /// <summary>The queue sequence of a tag, 0 when it is settled or was never delivered.</summary>
    internal long this[ulong tag] => tag >= First && tag < Next ? Math.Max(0, _sequences[tag & (ulong)(_sequences.Length - 1)]) : 0;

    /// <summary>Until <see cref="UnmarkAll"/>, unsettled tags look as if they were settled.</summary>
    /// <param name="first">0 for the first.</param>
    internal void Mark(ulong first, ulong last)
    {
        for (ulong tag = Math.Max(first, First); tag <= last; tag++)
        {
            ref long sequence = ref _sequences[tag & (ulong)(_sequences.Length - 1)];
            sequence = -Math.Abs(sequence);
        }
    }

    internal void UnmarkAll()
    {
        for (ulong tag = First; tag < Next; tag++)
        {
            ref long sequence = ref _sequences[tag & (ulong)(_sequences.Length - 1)];
            sequence = Math.Abs(sequence);
        }
    }

    /// <summary>Settles a tag.</summary>
    /// <returns>Its queue sequence, 0 when it was settled before.</returns>
    internal long Settle(ulong tag)
    {
        long sequence = this[tag];
        if (sequence == 0)
            return 0;
        _sequences[tag & (ulong)(_sequences.Length - 1)] = 0;
        UnsettledCount--;
        if (tag == First)
            AdvanceFirst();
        return sequence;
    }

    private void AdvanceFirst()
    {
        ulong first = First + 1;
        while (first < Next && _sequences[first & (ulong)(_sequences.Length - 1)] == 0)
            first++;
        First = first;
    }

    // One early tag that stays unsettled lets the ring grow past the credit; the span is bounded because credit is only
    // granted up to MaxSpan beyond the first unsettled tag.
    internal const int MaxSpan = 1 << 20;

    internal bool IsAtMaxSpan => Next - First >= MaxSpan;

    private void Grow()
    {
        var sequences = new long[_sequences.Length * 2];
        for (ulong tag = First; tag < Next; tag++)
            sequences[tag & (ulong)(sequences.Length - 1)] = _sequences[tag & (ulong)(_sequences.Length - 1)];
        _sequences = sequences;
    }
}
