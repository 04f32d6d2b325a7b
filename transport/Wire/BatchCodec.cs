using System.Runtime.InteropServices;
using LowLatency.Core.Compression;

namespace LowLatency.Transport.Wire;

/// <summary>Makes batches (<see cref="FrameType.Batch"/>) out of frames, and frames out of batches.</summary>
/// <remarks>
/// One thread, which may use it for many connections. Its memory is native, bought at the first use and never more than the bounds: what a peer claims
/// allocates nothing. Nothing allocates in the managed heap.
/// </remarks>
internal sealed unsafe class BatchCodec : IDisposable
{
    /// <summary>A batch is kept only where it spares an eighth of the bytes: less is not worth opening it.</summary>
    private const int WorthwhileShift = 3;

    private readonly Lz4 _lz4;
    private byte* _state;
    private byte* _block;
    private byte* _frames;
    private int _length;
    private object? _owner;

    internal BatchCodec(Lz4 lz4) => _lz4 = lz4;

    /// <summary>Batches made, and tried in vain.</summary>
    internal long TriedCount { get; private set; }

    /// <summary>Bytes of batches opened, and of the frames in them.</summary>
    internal ByteCounts Opened { get; private set; }

    /// <summary>Bytes that left on compressed connections, and of the frames that they stood for.</summary>
    internal ByteCounts Sent { get; private set; }

    /// <summary>Opens a batch, or the same again for what was not taken. Followed by <see cref="Close"/> when all was.</summary>
    /// <param name="frame">A Batch, from a <see cref="FrameReader"/>.</param>
    /// <param name="owner">Whose it is.</param>
    /// <param name="taken">Bytes of the frames in it that were taken before; what is left is given.</param>
    /// <param name="frames">Bytes that start at a frame, at a multiple of 8. Stay until another batch is opened.</param>
    /// <param name="error">What is wrong with it.</param>
    internal bool TryOpen(scoped ReadOnlySpan<byte> frame, object owner, int taken, out ReadOnlySpan<byte> frames, out FrameError error)
    {
        error = default;
        // While no other was opened it is still here.
        if (!ReferenceEquals(_owner, owner))
        {
            _owner = null;
            if (!TryDecompress(frame, out error))
            {
                frames = default;
                return false;
            }

            _owner = owner;
        }

        frames = new ReadOnlySpan<byte>(_frames + taken, _length - taken);
        return true;
    }

    /// <summary>The batch that is open is done with.</summary>
    internal void Close() => _owner = null;

    /// <summary>Whether a batch ends in the middle of a frame.</summary>
    /// <param name="rest">What is left of its frames when all that could be taken was.</param>
    internal static bool IsCut(scoped ReadOnlySpan<byte> rest) => !rest.IsEmpty && FrameReader.NeededLength(rest) > rest.Length;

    /// <summary>Writes frames as a batch.</summary>
    /// <param name="frames">Whole frames with their padding.</param>
    /// <param name="length">Their bytes, at most <see cref="FrameLayout.MaxBatchLength"/>.</param>
    /// <param name="target">Where the batch goes; may be the frames' own place or one before it.</param>
    /// <returns>Bytes of the batch, padding included, fewer than <paramref name="length"/>; 0 when it is not worth while, and nothing was written.</returns>
    internal int TryPack(byte* frames, int length, byte* target)
    {
        if (_block == null)
        {
            _state = Allocate(_lz4.StateLength);
            _block = Allocate(FrameLayout.MaxBatchLength);
        }

        TriedCount++;
        int limit = length - (length >> WorthwhileShift) - FrameLayout.BatchBlock;
        int blockLength = limit > 0 ? _lz4.Compress(_state, frames, length, _block, limit) : 0;
        if (blockLength <= 0)
            return 0;
        // Past this line the frames are overwritten.
        return FrameWriter.WriteBatch(new Span<byte>(target, length), length, new ReadOnlySpan<byte>(_block, blockLength));
    }

    /// <summary>Counts what leaves on a compressed connection.</summary>
    internal void CountSent(int wireLength, int frameLength) => Sent = Sent.Plus(wireLength, frameLength);

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_state);
        NativeMemory.AlignedFree(_block);
        NativeMemory.AlignedFree(_frames);
        _state = _block = _frames = null;
        _owner = null;
    }

    private bool TryDecompress(scoped ReadOnlySpan<byte> frame, out FrameError error)
    {
        if (!FrameParser.TryParseBatch(frame, out int length, out error))
            return false;
        ReadOnlySpan<byte> block = frame[FrameLayout.BatchBlock..];
        if (_frames == null)
            _frames = Allocate(FrameLayout.MaxBatchLength);
        fixed (byte* start = block)
        {
            // Not by the bound but by what it says: a block with more is malformed.
            if (_lz4.Decompress(start, block.Length, _frames, length) != length)
            {
                error = new FrameError(FrameFault.BatchContent, FrameType.Batch, (uint)length);
                return false;
            }
        }

        _length = length;
        Opened = Opened.Plus(frame.Length, length);
        return true;
    }

    private static byte* Allocate(int length) => (byte*)NativeMemory.AlignedAlloc((nuint)length, 64);
}
