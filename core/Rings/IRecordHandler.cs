namespace LowLatency.Core.Rings;

/// <summary>Receives the records of one poll. A struct, so that the call inlines into the poll.</summary>
internal interface IRecordHandler
{
    /// <summary>Takes one record.</summary>
    /// <param name="type">The type given to the claim, greater than 0.</param>
    /// <param name="body">The record in place. Valid during the call only: the bytes are the ring's.</param>
    /// <returns><c>false</c> to stop and keep this record for a later poll (back-pressure).</returns>
    /// <remarks>Consumer thread. A record whose handler throws counts as consumed. Must not poll the same ring.</remarks>
    bool OnRecord(int type, ReadOnlySpan<byte> body);
}
