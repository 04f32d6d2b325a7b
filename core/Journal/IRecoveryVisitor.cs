namespace LowLatency.Core.Journal;

/// <summary>Receives what a journal holds when it is opened, in the order in which it was written.</summary>
internal interface IRecoveryVisitor
{
    /// <summary>One record: any type but pads and markers, whole and checked.</summary>
    /// <param name="type">May be one that this code does not know.</param>
    /// <param name="streamId">As claimed.</param>
    /// <param name="position">Where it is, as when it was written.</param>
    /// <param name="epoch">The run that wrote it.</param>
    /// <param name="body">Valid during the call only.</param>
    /// <remarks>The first record is in the first segment there is. When that is not segment 0, a snapshot comes first.</remarks>
    void OnRecord(RecordType type, uint streamId, long position, uint epoch, ReadOnlySpan<byte> body);
}
