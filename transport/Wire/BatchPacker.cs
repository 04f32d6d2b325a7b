using System.Runtime.CompilerServices;

namespace LowLatency.Transport.Wire;

/// <summary>Replaces the frames that wait to be sent on one connection by batches, where that is worth it.</summary>
/// <remarks>
/// Little traffic goes as it is, at once. After a batch that would have spared too little, the connection's bytes pass uncompressed for a while, twice as long
/// each time: what does not compress costs one attempt in 16 MiB. The codec's thread; no allocation.
/// </remarks>
internal sealed unsafe class BatchPacker(BatchCodec codec)
{
    /// <summary>Fewer bytes than this go as they are: a wire of 1 Gbit/s takes 16 microseconds for them, 9 for a batch that costs both sides 2 (<c>bench -- compression</c>).</summary>
    internal const int MinLength = 2048;

    private const int FirstPass = 64 * 1024;
    private const int LongestPass = 16 * 1024 * 1024;

    private int _pass; // Bytes to let pass after the next failure,
    private int _left; // and what is left of them now.

    /// <summary>Replaces frames by batches, in place.</summary>
    /// <param name="frames">Whole frames with their padding.</param>
    /// <param name="length">Their bytes.</param>
    /// <returns>Bytes that are there now; at most <paramref name="length"/>.</returns>
    internal int Pack(byte* frames, int length)
    {
        int packed = length < MinLength || IsPassing(length) ? length : PackAll(frames, length);
        codec.CountSent(packed, length);
        return packed;
    }

    private bool IsPassing(int length)
    {
        if (_left <= 0)
            return false;
        _left -= length;
        return true;
    }

    private int PackAll(byte* frames, int length)
    {
        int from = 0;
        int to = 0;
        while (length - from >= MinLength && _left <= 0)
        {
            int chunk = WholeFrames(frames + from, length - from);
            int packed = chunk <= FrameLayout.MaxBatchLength ? TryPack(frames + from, chunk, frames + to) : 0;
            if (packed == 0)
            {
                Move(frames + from, frames + to, chunk);
                packed = chunk;
            }

            from += chunk;
            to += packed;
        }

        Move(frames + from, frames + to, length - from);
        return to + length - from;
    }

    private int TryPack(byte* frames, int length, byte* target)
    {
        if (length < MinLength)
            return 0; // What is left in front of a frame that is too long for a batch.
        int packed = codec.TryPack(frames, length, target);
        _pass = packed > 0 ? 0 : Math.Clamp(_pass * 2, FirstPass, LongestPass);
        _left = _pass;
        return packed;
    }

    // As many frames as a batch holds; or one that is longer, by itself.
    private static int WholeFrames(byte* frames, int length)
    {
        if (length <= FrameLayout.MaxBatchLength)
            return length;
        int end = FrameLayout.PaddedLength(*(int*)frames);
        while (end < length && end + FrameLayout.PaddedLength(*(int*)(frames + end)) is var next && next <= FrameLayout.MaxBatchLength)
            end = next;
        return end;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Move(byte* from, byte* to, int length)
    {
        if (from != to)
            Buffer.MemoryCopy(from, to, length, length);
    }
}
