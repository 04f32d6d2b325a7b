using System.Runtime.CompilerServices;
using LowLatency.Core.Engine;
using LowLatency.Core.Rings;

namespace LowLatency.Transport.Server;

/// <summary>Writes commands into the ingress ring.</summary>
internal static unsafe class CommandWriter
{
    /// <summary>Writes one command, visible to the engine on return.</summary>
    /// <param name="ring">The ingress ring.</param>
    /// <param name="type">Of the command.</param>
    /// <param name="command">Its fixed part.</param>
    /// <param name="variable">Its variable part, encoded.</param>
    /// <returns>False when the ring is full: try again later.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryWrite<TCommand>(
        MpscByteRing ring, CommandType type, scoped in TCommand command, scoped ReadOnlySpan<byte> variable)
        where TCommand : unmanaged
    {
        if (!ring.TryClaim((int)type, sizeof(TCommand) + variable.Length, out RingClaim claim))
            return false;
        Unsafe.WriteUnaligned(claim.Pointer, command);
        variable.CopyTo(new Span<byte>(claim.Pointer + sizeof(TCommand), variable.Length));
        return claim.Commit();
    }
}
