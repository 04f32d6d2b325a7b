namespace LowLatency.Transport.Wire;

/// <content>Batches of frames.</content>
internal static unsafe partial class FrameParser
{
    /// <summary>Checks a <see cref="FrameType.Batch"/> before it is decompressed. What is in it stands at <see cref="FrameLayout.BatchBlock"/>.</summary>
    /// <param name="frame">The frame, from a <see cref="FrameReader"/>.</param>
    /// <param name="originalLength">Bytes of the frames in it, a multiple of 8, at most <see cref="FrameLayout.MaxBatchLength"/>.</param>
    /// <param name="error">Why not; costs the connection.</param>
    internal static bool TryParseBatch(scoped ReadOnlySpan<byte> frame, out int originalLength, out FrameError error)
    {
        BatchFrame fields = Fixed<BatchFrame>(frame);
        originalLength = (int)fields.OriginalLength;
        if (!CheckReserved(fields.Reserved == 0, FrameType.Batch, out error))
            return false;
        bool isPossible = fields.OriginalLength is >= FrameLayout.HeaderLength and <= FrameLayout.MaxBatchLength
            && fields.OriginalLength % FrameLayout.Alignment == 0;
        error = isPossible ? default : new FrameError(FrameFault.BatchLength, FrameType.Batch, fields.OriginalLength, FrameLayout.MaxBatchLength);
        return isPossible;
    }
}
