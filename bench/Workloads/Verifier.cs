using System.Runtime.CompilerServices;

namespace LowLatency.Bench.Workloads;

/// <summary>Checks that every message comes once, in order and unaltered.</summary>
/// <remarks>The receiving thread calls <see cref="Accept"/>; others may read <see cref="Received"/>.</remarks>
internal sealed class Verifier(int length)
{
    private long _received;
    private string? _firstFault;

    /// <summary>How many messages came in order; equal to the last sequence while there is no fault.</summary>
    internal long Received => Volatile.Read(ref _received);

    /// <summary>The first thing that was wrong, or null.</summary>
    internal string? FirstFault => Volatile.Read(ref _firstFault);

    /// <param name="body">Body of the next message.</param>
    /// <param name="intendedNs">Its intended send time; 0 when it cannot be read.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Accept(ReadOnlySpan<byte> body, out long intendedNs)
    {
        long expected = _received + 1;
        if (!MessageBody.TryRead(body, length, out long sequence, out intendedNs) || sequence != expected)
            NoteFault(body.Length, sequence, expected);
        Volatile.Write(ref _received, expected);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void NoteFault(int bodyLength, long sequence, long expected)
        => _firstFault ??= $"expected message {expected} of {length} B, received sequence {sequence} in {bodyLength} B";
}
