namespace LowLatency.Transport.Wire;

/// <summary>Takes frames one by one as they are found in received bytes.</summary>
internal interface IFrameSink
{
    /// <summary>Takes one whole frame whose header is in order.</summary>
    /// <param name="type">A type that this side accepts.</param>
    /// <param name="frame">The frame from its header to its exact length, without padding. Valid during the call only.</param>
    /// <returns>False: not taken, stop here. The frame will be offered again (back-pressure), or the connection is over.</returns>
    bool OnFrame(FrameType type, scoped ReadOnlySpan<byte> frame);
}
