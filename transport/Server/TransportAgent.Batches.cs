using LowLatency.Transport.Wire;

namespace LowLatency.Transport.Server;

/// <content>Batches that clients send.</content>
internal sealed unsafe partial class TransportAgent
{
    /// <summary>Most bytes of frames in batches that one connection gets opened in one turn, but for the last batch: few bytes may hold very many frames.</summary>
    private const int OpenedTurnLength = 512 * 1024;

    private readonly BatchCodec? _batches;
    private int _openedInTurn;
    private bool _isTurnCut;

    /// <summary>Whether connections that ask for batches are granted them.</summary>
    internal bool MayCompress => _batches != null;

    /// <summary>What compression spared so far. When the agent's thread has ended.</summary>
    internal (ByteCounts Opened, ByteCounts Sent) BatchCounts => _batches is { } batches ? (batches.Opened, batches.Sent) : default;

    /// <summary>Takes the frames in a batch, each as if it had come by itself.</summary>
    /// <returns>False: not all of them. What was taken is remembered with the connection; offer the batch again. Or the connection is over.</returns>
    internal bool TakeBatch(ServerConnection connection, scoped ReadOnlySpan<byte> frame, long receivedNs)
    {
        if (_openedInTurn >= OpenedTurnLength)
        {
            _isTurnCut = true;
            return false;
        }

        if (!_batches!.TryOpen(frame, connection, connection.TakenOfBatch, out ReadOnlySpan<byte> frames, out FrameError error))
        {
            Fail(connection, error.Code, error.Sentence);
            return false;
        }

        NativeSession session = new(this, connection, receivedNs, isInBatch: true);
        int taken = FrameReader.Read(frames, FrameReceiver.Server, Limits.MaxFrameLength, ref session, out error);
        _openedInTurn += taken;
        if (taken == frames.Length)
        {
            _batches.Close();
            connection.TakenOfBatch = 0;
            return true;
        }

        connection.TakenOfBatch += taken;
        if (error.IsNone && BatchCodec.IsCut(frames[taken..]))
            error = new FrameError(FrameFault.BatchCut, FrameType.Batch);
        if (!error.IsNone)
            Fail(connection, error.Code, error.Sentence);
        return false;
    }
}
