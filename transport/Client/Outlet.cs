namespace LowLatency.Client;

/// <summary>Where a publication puts its messages.</summary>
internal abstract class Outlet
{
    /// <summary>Longest body in bytes that fits at all.</summary>
    internal abstract int MaxBodyLength { get; }

    /// <summary>Takes one message: writes it, counts it with <see cref="Publication.Admit"/>, then makes it visible. Publishing thread; never blocks or allocates.</summary>
    /// <param name="sequence">One more than the last accepted.</param>
    /// <param name="publishedNs">Unix time in nanoseconds; 0 for now.</param>
    /// <param name="routingKey">At most 255 bytes.</param>
    /// <param name="headers">At most 65,535 bytes.</param>
    /// <param name="body">At most <see cref="MaxBodyLength"/> bytes. Copied.</param>
    /// <param name="waiter">Who waits for its decision, if anybody.</param>
    /// <returns>Anything but <see cref="PublishStatus.Accepted"/>: it was not taken.</returns>
    internal abstract PublishStatus TryAppend(
        ulong sequence, long publishedNs, ReadOnlySpan<byte> routingKey, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> body,
        PublishWaiter? waiter);

    /// <summary>The broker has opened the publication, for the first time or again. The connection's thread, as all below.</summary>
    /// <param name="handle">Its handle on this connection.</param>
    /// <param name="appended">Sequence of the last message accepted.</param>
    /// <param name="settled">Everything up to this sequence is decided.</param>
    /// <returns>The sequence up to which undecided messages were lost with the last connection; <paramref name="settled"/> for none.</returns>
    internal abstract ulong Open(uint handle, ulong appended, ulong settled);

    /// <summary>The connection is lost, or the publication closed. Returns when no message goes through any more.</summary>
    internal abstract void Close();

    /// <summary>Moves messages on to the connection.</summary>
    /// <param name="appended">Sequence of the last one accepted.</param>
    /// <param name="settled">Everything up to this sequence is decided.</param>
    /// <param name="window">Most that the broker will have undecided.</param>
    /// <returns>How many.</returns>
    internal abstract int Send(ulong appended, ulong settled, int window);

    /// <summary>Whether there is nothing to send.</summary>
    internal abstract bool IsSent(ulong appended);

    /// <summary>Whether undecided messages are sent again after a reconnect.</summary>
    internal abstract bool KeepsCopies { get; }

    /// <summary>Everything up to a sequence is decided: its memory is free.</summary>
    internal abstract void Release(ulong upTo);
}
