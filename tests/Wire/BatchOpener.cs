using LowLatency.Core.Compression;
using LowLatency.Transport.Wire;

namespace LowLatency.Tests.Wire;

/// <summary>Opens batches as both sides do, for sinks of tests.</summary>
/// <param name="receiver">The side that reads.</param>
/// <param name="isAgreed">Whether Hello and Welcome agreed on batches.</param>
/// <param name="maxFrameLength">Longest frame accepted.</param>
internal sealed class BatchOpener(FrameReceiver receiver, bool isAgreed, int maxFrameLength) : IDisposable
{
    private readonly BatchCodec _codec = NewCodec();
    private int _taken;
    private bool _isInBatch;

    internal static BatchCodec NewCodec() => new(Load());

    /// <summary>The library; a machine without it fails the test.</summary>
    internal static Lz4 Load() => Lz4.TryLoad(Lz4.Library, out Lz4? lz4, out string? problem) ? lz4 : throw new InvalidOperationException(problem);

    /// <summary>Offers the frames in a batch to the sink that was offered the batch.</summary>
    /// <returns>False: not all of them.</returns>
    internal bool Take<TSink>(scoped ReadOnlySpan<byte> frame, ref TSink sink, out FrameError error)
        where TSink : IFrameSink
    {
        if (_isInBatch || !isAgreed)
        {
            error = new FrameError(_isInBatch ? FrameFault.BatchNested : FrameFault.BatchNotAgreed, FrameType.Batch);
            return false;
        }

        if (!_codec.TryOpen(frame, this, _taken, out ReadOnlySpan<byte> frames, out error))
            return false;
        _isInBatch = true;
        int taken = FrameReader.Read(frames, receiver, maxFrameLength, ref sink, out error);
        _isInBatch = false;
        _taken += taken;
        if (taken == frames.Length)
        {
            Reset();
            return true;
        }

        if (error.IsNone && BatchCodec.IsCut(frames[taken..]))
            error = new FrameError(FrameFault.BatchCut, FrameType.Batch);
        return false;
    }

    /// <summary>Another connection.</summary>
    internal void Reset()
    {
        _codec.Close();
        _taken = 0;
        _isInBatch = false;
    }

    public void Dispose() => _codec.Dispose();
}
