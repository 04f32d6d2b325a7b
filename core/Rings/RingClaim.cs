namespace LowLatency.Core.Rings;

/// <summary>A claimed record of a <see cref="MpscByteRing"/>. Disposing aborts it unless it was committed.</summary>
/// <remarks>
/// Closing is one compare-exchange of the record's header from the word that only this claim can have put there. So a second close,
/// a close of a copy, or one that comes after <see cref="MpscByteRing.Unblock"/> changes nothing and returns <c>false</c>.
/// The body's bytes may be written only while the claim is open.
/// </remarks>
internal unsafe ref struct RingClaim
{
    private readonly long _claimed;
    private readonly int _type;

    internal RingClaim(byte* pointer, int length, int type, long claimed)
    {
        Pointer = pointer;
        Length = length;
        _type = type;
        _claimed = claimed;
    }

    /// <summary>The body, 8-byte aligned, its bytes undefined. <c>null</c> when there is no claim or it was closed.</summary>
    internal byte* Pointer { get; private set; }

    /// <summary>Bytes of the body.</summary>
    internal int Length { get; }

    internal readonly Span<byte> Body => new(Pointer, Pointer == null ? 0 : Length);

    /// <summary>Makes the record visible to the consumer.</summary>
    /// <returns><c>false</c> when the claim was closed before or taken away by <see cref="MpscByteRing.Unblock"/>.</returns>
    internal bool Commit() => Close(_type);

    /// <summary>Gives the record up: the consumer skips it.</summary>
    internal void Abort() => Close(RecordLayout.PaddingType);

    public void Dispose() => Abort();

    private bool Close(int type)
    {
        if (Pointer == null)
            return false;
        long* header = (long*)(Pointer - RecordLayout.HeaderLength);
        Pointer = null;
        // Full fence, so a release as well: pairs with the acquire in MpscByteRingCore.Poll.
        return Interlocked.CompareExchange(ref *header, RecordLayout.Header(Length, type), _claimed) == _claimed;
    }
}
