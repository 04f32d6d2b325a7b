using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LowLatency.Transport.Wire;

/// <summary>Finds whole frames in received bytes, in place. Any thread; no state, no allocation.</summary>
internal static class FrameReader
{
    /// <summary>Longest <see cref="FrameType.Hello"/>: more is not believed before a connection is open.</summary>
    /// <remarks>A <see cref="FrameType.Welcome"/> is shorter.</remarks>
    internal const int MaxOpeningLength = 24 + 2 * (1 + FrameLayout.MaxStringLength);

    /// <summary>Offers each whole frame of <paramref name="source"/> to the sink, in order.</summary>
    /// <param name="source">Bytes that start at a frame. Need not be aligned.</param>
    /// <param name="receiver">The side that reads.</param>
    /// <param name="maxFrameLength">Longest frame accepted, in bytes, below <see cref="int.MaxValue"/> - 8.</param>
    /// <param name="sink">Takes the frames; may stop the loop.</param>
    /// <param name="error">What is wrong with the frame at the returned offset; nothing follows it. None in all other cases.</param>
    /// <returns>Bytes of the frames that were taken, padding included. The rest is a partial frame, one that the sink did not
    /// take and what follows it, or the one that the error is about.</returns>
    /// <remarks>A header that is wrong is an error as soon as its 8 bytes are there, whether the frame is whole or not.</remarks>
    internal static int Read<TSink>(
        scoped ReadOnlySpan<byte> source, FrameReceiver receiver, int maxFrameLength, ref TSink sink, out FrameError error)
        where TSink : IFrameSink, allows ref struct
    {
        ref byte start = ref MemoryMarshal.GetReference(source);
        int consumed = 0;
        error = default;
        // All reads by reference below stay inside the source: 8 bytes are there, then the padded length is.
        while (source.Length - consumed >= FrameLayout.HeaderLength)
        {
            ref byte frame = ref Unsafe.Add(ref start, consumed);
            ulong header = Unsafe.ReadUnaligned<ulong>(ref frame);
            if (!FrameRules.Accepts(header, receiver, (uint)maxFrameLength))
            {
                error = FrameRules.Explain(header, receiver, (uint)maxFrameLength);
                break;
            }

            int length = (int)(uint)header;
            int padded = FrameLayout.PaddedLength(length);
            if (padded > source.Length - consumed)
                break;

            FrameType type = (FrameType)(byte)(header >> 32);
            int used = length & (FrameLayout.Alignment - 1);
            if (used != 0 && Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref frame, padded - FrameLayout.Alignment)) >> (used * 8) != 0)
            {
                error = new FrameError(FrameFault.Padding, type, (uint)length);
                break;
            }

            if (!sink.OnFrame(type, MemoryMarshal.CreateReadOnlySpan(ref frame, length)))
                break;

            consumed += padded;
        }

        return consumed;
    }

    /// <summary>How many bytes, padding included, make the frame that starts at <paramref name="partial"/> whole.</summary>
    /// <param name="partial">Bytes that start at a frame whose header, if it is there, was found in order.</param>
    /// <returns>Bytes counted from the start of the frame; the header's 8 while fewer than 8 are there.</returns>
    internal static int NeededLength(scoped ReadOnlySpan<byte> partial) =>
        partial.Length < FrameLayout.HeaderLength
            ? FrameLayout.HeaderLength
            : FrameLayout.PaddedLength((int)MemoryMarshal.Read<uint>(partial));

    /// <summary>Looks at the first bytes of a connection: are they this protocol, and the frame that starts it?</summary>
    /// <param name="first">The first bytes; with fewer than 8 nothing is said, with fewer than 12 not all.</param>
    /// <param name="receiver">The side that reads.</param>
    /// <param name="error">Not this protocol, or a frame that cannot be the first.</param>
    /// <returns>False on an error.</returns>
    internal static bool CheckOpening(scoped ReadOnlySpan<byte> first, FrameReceiver receiver, out FrameError error)
    {
        error = default;
        if (first.Length < FrameLayout.HeaderLength)
            return true;

        ulong header = MemoryMarshal.Read<ulong>(first);
        FrameType type = (FrameType)first[4];
        bool isGreeting = type == (receiver == FrameReceiver.Server ? FrameType.Hello : FrameType.Welcome);
        if (isGreeting && FrameRules.Accepts(header, receiver, MaxOpeningLength))
        {
            if (first.Length < FrameLayout.MagicOffset + FrameLayout.MagicLength
                || MemoryMarshal.Read<uint>(first[FrameLayout.MagicOffset..]) == FrameLayout.Magic)
                return true;
        }
        else if (receiver == FrameReceiver.Client && type == FrameType.Error && FrameRules.Accepts(header, receiver, int.MaxValue))
        {
            return true;
        }
        else if (!isGreeting && FrameRules.IsPlausible(header))
        {
            error = new FrameError(FrameFault.UnexpectedFirstFrame, type);
            return false;
        }

        error = new FrameError(FrameFault.NotThisProtocol, type);
        return false;
    }
}
